// Random faults while three streams load: an append, a merge and a replace, some by StreamRecords
// and some by AppendRecords. Each stream completes by repeating the same calls, with every record
// exactly once.
//
// Runs SYNCLINE_FAULT_SCHEDULES schedules (a few by default) from a fixed seed or from
// SYNCLINE_TEST_SEED. scripts/chaos --faults runs many.
#include "tests/e2e/fault_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

constexpr int kSchedules = 3;
constexpr int kFaults = 7;
constexpr uint32_t kSeed = 6000;
// Each caller loads several streams in sequence, so that merges and swaps happen at any time.
constexpr int kRounds = 4;
constexpr int64_t kRecords = 1500;
constexpr int64_t kReplacedRecords = 50;
constexpr absl::Duration kGiveUp = absl::Seconds(120);
// A server retries its database for 30 s and waits equally long for its answer.
constexpr absl::Duration kMaxCallDuration = absl::Seconds(75);

int Schedules() {
  const char* const given = std::getenv("SYNCLINE_FAULT_SCHEDULES");
  int number = kSchedules;
  if (given != nullptr && !absl::SimpleAtoi(given, &number)) number = kSchedules;
  return number;
}

// Counts the rows of a table that is being replaced while faults strike.
class CountingReader {
 public:
  CountingReader(std::function<std::unique_ptr<postgres::Connection>()> session, std::string table)
      : session_(std::move(session)),
        sql_(absl::StrCat("SELECT count(*) FROM ", table)),
        thread_(std::make_unique<Thread>("reader", [this] { Run(); })) {}

  // Stops and returns the counts. errors() has every error except lost connections.
  std::set<int64_t> Stop() {
    stop_ = true;
    thread_.reset();
    return counts_;
  }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  void Run() {
    std::unique_ptr<postgres::Connection> connection;
    while (!stop_) {
      if (connection == nullptr) connection = session_();
      if (connection == nullptr) {
        absl::SleepFor(absl::Milliseconds(10));
        continue;
      }
      // Not prepared: a cached plan for the replaced table must not affect the result.
      const absl::Status begun = connection->Begin();
      const absl::StatusOr<postgres::Result> result = connection->Query(sql_, {});
      if (result.ok()) counts_.insert(result->Int(0, 0));
      connection->Rollback();
      if (begun.ok() && result.ok()) continue;
      if (!absl::IsUnavailable(result.status())) errors_.push_back(result.status().ToString());
      connection.reset();
    }
  }

  const std::function<std::unique_ptr<postgres::Connection>()> session_;
  const std::string sql_;
  std::atomic<bool> stop_ = false;
  std::set<int64_t> counts_;
  std::vector<std::string> errors_;
  std::unique_ptr<Thread> thread_;
};

class FaultScheduleTest : public WithOwnCluster<FaultTest> {
 protected:
  void SetUp() override {
    WithOwnCluster<FaultTest>::SetUp();
    if (schema().empty()) return;
    for (FaultyReplica& replica : replicas_) {
      ASSERT_OK_AND_ASSIGN(replica.database_link, FaultProxy::Start(cluster_->port()));
      ServerProcessOptions options = FaultServerOptions({"--swap_deadline=5s"});
      options.dsn =
          absl::StrCat(cluster_->tcp_dsn(), " host=127.0.0.1 port=", replica.database_link->port(),
                       " application_name=", kFaultApplication);
      replica.server = Started(options);
      ASSERT_NE(replica.server, nullptr);
      ASSERT_OK_AND_ASSIGN(replica.caller_link, FaultProxy::Start(replica.server->grpc_port()));
    }
  }

  // Returns a connection that no fault affects, or null if the database is unavailable.
  std::unique_ptr<postgres::Connection> Session() const {
    postgres::ConnectionOptions options;
    options.conninfo = cluster_->dsn();
    absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
        postgres::Connection::Open(options);
    return connection.ok() ? *std::move(connection) : nullptr;
  }

  // Returns the loads of one caller, in order: appends and merges each into their own table,
  // replaces of one table.
  std::vector<std::unique_ptr<DeliveryHistory>> Rounds(DeliveryMode mode, absl::string_view table);
  void Run(uint64_t seed);
  void ExpectLoaded(std::vector<std::unique_ptr<DeliveryHistory>>& rounds);

  std::array<FaultyReplica, 2> replicas_;
};

std::vector<std::unique_ptr<DeliveryHistory>> FaultScheduleTest::Rounds(DeliveryMode mode,
                                                                        absl::string_view table) {
  std::vector<std::unique_ptr<DeliveryHistory>> rounds;
  for (int64_t round = 0; round < kRounds; ++round) {
    rounds.push_back(std::make_unique<DeliveryHistory>(
        mode == DeliveryMode::kReplace ? Stream(table, mode, kRecords, round + 2)
                                       : Stream(absl::StrCat(table, "_", round), mode, kRecords)));
  }
  return rounds;
}

// Loads rounds one after the other, and reports whether all were completed.
class LoadingCaller {
 public:
  LoadingCaller(PersistentCallerOptions options,
                const std::vector<std::unique_ptr<DeliveryHistory>>& rounds) {
    for (const auto& history : rounds) {
      callers_.push_back(std::make_unique<PersistentCaller>(options, history.get()));
      ++options.seed;
    }
    thread_ = std::make_unique<Thread>("caller", [this] {
      for (const auto& caller : callers_) {
        if (end_.ok()) end_ = caller->Run(kGiveUp);
      }
      over_ = true;
    });
  }

  bool over() const { return over_; }
  void ExpectGoodEnd() {
    thread_.reset();
    EXPECT_OK(end_);
    for (const auto& caller : callers_) {
      EXPECT_OK(caller->WatchFromBeginning());
      EXPECT_LT(caller->longest_call(), kMaxCallDuration);
    }
  }

 private:
  std::vector<std::unique_ptr<PersistentCaller>> callers_;
  absl::Status end_;
  std::atomic<bool> over_ = false;
  std::unique_ptr<Thread> thread_;
};

void FaultScheduleTest::ExpectLoaded(std::vector<std::unique_ptr<DeliveryHistory>>& rounds) {
  for (const auto& history : rounds) {
    EXPECT_TRUE(history->completed());
    EXPECT_THAT(history->faults(), ::testing::IsEmpty());
    // For replaces, the table contains the last one.
    if (history->stream().mode != DeliveryMode::kReplace || history == rounds.back()) {
      ExpectKept({history.get()});
    }
  }
}

void FaultScheduleTest::Run(uint64_t seed) {
  const std::vector<std::string> servers = {replicas_[0].caller_link->address(),
                                            replicas_[1].caller_link->address()};
  const std::string replaced = absl::StrCat("replaced_", seed);
  DeliveryHistory before(Stream(replaced, DeliveryMode::kReplace, kReplacedRecords, 1));
  Resume(&before, servers);
  std::array<std::vector<std::unique_ptr<DeliveryHistory>>, 3> loads = {
      Rounds(DeliveryMode::kAppend, absl::StrCat("appended_", seed)),
      Rounds(DeliveryMode::kDedup, absl::StrCat("merged_", seed)),
      Rounds(DeliveryMode::kReplace, replaced)};
  CountingReader reader([this] { return Session(); }, Table(replaced));
  std::vector<std::unique_ptr<LoadingCaller>> callers;
  for (const auto& rounds : loads) {
    callers.push_back(std::make_unique<LoadingCaller>(
        PersistentCallerOptions{.servers = servers,
                                .seed = 100 * seed + callers.size(),
                                .pause = absl::Milliseconds(40),
                                // Both RPCs in each schedule, and each with every mode.
                                .append = (seed + callers.size()) % 2 == 0},
        rounds));
  }
  FaultSchedule schedule(
      seed, cluster_.get(), &replicas_, [this] { return Session(); }, Table(replaced));
  const auto all_over = [&] {
    return std::all_of(callers.begin(), callers.end(),
                       [](const auto& caller) { return caller->over(); });
  };
  for (int fault = 0; fault < kFaults && !all_over(); ++fault) {
    EXPECT_OK(schedule.Strike());
    const auto session = Session();
    for (const auto& rounds : loads) {
      for (const auto& history : rounds) history->CheckSoFar(*session, ledger());
    }
  }
  for (const auto& caller : callers) caller->ExpectGoodEnd();
  for (auto& rounds : loads) ExpectLoaded(rounds);
  for (const int64_t count : reader.Stop()) {
    EXPECT_TRUE(count == kReplacedRecords || count == kRecords) << "a reader counted " << count;
  }
  EXPECT_THAT(reader.errors(), ::testing::IsEmpty());
  for (const FaultyReplica& replica : replicas_) ExpectDiscreet(*replica.server);
  std::printf("schedule %llu:\n  %s\n", static_cast<unsigned long long>(seed),
              absl::StrJoin(schedule.story(), "\n  ").c_str());
}

TEST_F(FaultScheduleTest, EveryRecordOnceUnderRandomFaults) {
  const uint64_t seed = RandomSeed(kSeed);
  for (int i = 0; i < Schedules() && !HasFailure(); ++i) {
    const absl::Time begun = absl::Now();
    Run(seed + static_cast<uint64_t>(i));
    std::printf("%s after %.1f s\n", HasFailure() ? "FAILED" : "ok",
                absl::ToDoubleSeconds(absl::Now() - begun));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace syncline::testing
