// Random faults while three streams load, an append, a merge and a replace: whatever strikes, each
// ends by the same calls again, with every record once.
//
// SYNCLINE_FAULT_SCHEDULES schedules (a few by default) from a fixed seed, or from
// SYNCLINE_TEST_SEED; scripts/chaos --faults runs many.
#include "tests/e2e/fault_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

constexpr int kSchedules = 3;
constexpr int kFaults = 7;
constexpr uint32_t kSeed = 20261;
constexpr int64_t kRecords = 6000;
constexpr int64_t kReplacedRecords = 50;
constexpr absl::Duration kGiveUp = absl::Seconds(120);
// A server tries its database for 30 s and waits for its answer for as long.
constexpr absl::Duration kLongestCall = absl::Seconds(75);

int Schedules() {
  const char* const given = std::getenv("SYNCLINE_FAULT_SCHEDULES");
  int number = kSchedules;
  if (given != nullptr && !absl::SimpleAtoi(given, &number)) number = kSchedules;
  return number;
}

// Counts the rows of a table that is replaced, as long as faults strike.
class WatchfulReader {
 public:
  WatchfulReader(std::function<std::unique_ptr<postgres::Connection>()> session, std::string table)
      : session_(std::move(session)),
        sql_(absl::StrCat("SELECT count(*) FROM ", table)),
        thread_(std::make_unique<Thread>("reader", [this] { Run(); })) {}

  // Ends it: what it has counted, and each error but a lost connection.
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
      // Not prepared: a plan for the table that was replaced is not what is looked at.
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

  // A connection that no fault is aimed at; null while the database is away.
  std::unique_ptr<postgres::Connection> Session() const {
    postgres::ConnectionOptions options;
    options.conninfo = cluster_->dsn();
    absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
        postgres::Connection::Open(options);
    return connection.ok() ? *std::move(connection) : nullptr;
  }

  void Run(uint64_t seed);

  std::array<FaultyReplica, 2> replicas_;
};

void FaultScheduleTest::Run(uint64_t seed) {
  const std::vector<std::string> servers = {replicas_[0].caller_link->address(),
                                            replicas_[1].caller_link->address()};
  const std::string suffix = absl::StrCat("_", seed);
  const std::string replaced = "replaced" + suffix;
  DeliveryHistory before(Stream(replaced, DeliveryMode::kReplace, kReplacedRecords, 1));
  Resume(&before, servers);
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  for (const DeliveryStream& stream : {Stream("appended" + suffix, DeliveryMode::kAppend, kRecords),
                                       Stream("merged" + suffix, DeliveryMode::kDedup, kRecords),
                                       Stream(replaced, DeliveryMode::kReplace, kRecords, 2)}) {
    histories.push_back(std::make_unique<DeliveryHistory>(stream));
  }
  std::vector<std::unique_ptr<PersistentCaller>> callers;
  std::vector<absl::Status> ends(histories.size());
  std::vector<std::unique_ptr<Thread>> threads;
  WatchfulReader reader([this] { return Session(); }, Table(replaced));
  for (size_t i = 0; i < histories.size(); ++i) {
    callers.push_back(std::make_unique<PersistentCaller>(
        PersistentCallerOptions{
            .servers = servers, .seed = seed + i, .pause = absl::Milliseconds(30)},
        histories[i].get()));
    threads.push_back(
        std::make_unique<Thread>("caller", [&, i] { ends[i] = callers[i]->Run(kGiveUp); }));
  }
  FaultSchedule schedule(
      seed, cluster_.get(), &replicas_, [this] { return Session(); }, Table(replaced));
  for (int fault = 0; fault < kFaults; ++fault) {
    EXPECT_OK(schedule.Strike());
    const auto session = Session();
    for (const auto& history : histories) history->CheckSoFar(*session, ledger());
  }
  threads.clear();
  for (size_t i = 0; i < histories.size(); ++i) {
    EXPECT_OK(ends[i]);
    EXPECT_OK(callers[i]->WatchFromTheBeginning());
    EXPECT_LT(callers[i]->longest_call(), kLongestCall);
    ExpectKept({histories[i].get()});
  }
  for (const int64_t count : reader.Stop()) {
    EXPECT_TRUE(count == kReplacedRecords || count == kRecords) << "a reader saw " << count;
  }
  EXPECT_THAT(reader.errors(), ::testing::IsEmpty());
  for (const FaultyReplica& replica : replicas_) ExpectDiscreet(*replica.server);
  if (HasFailure()) {
    std::printf("--- the faults of seed %llu\n%s\n---\n", static_cast<unsigned long long>(seed),
                absl::StrJoin(schedule.story(), "\n").c_str());
  }
}

TEST_F(FaultScheduleTest, EveryRecordOnceWhateverStrikes) {
  const uint64_t seed = RandomSeed(kSeed);
  for (int i = 0; i < Schedules() && !HasFailure(); ++i) {
    const absl::Time begun = absl::Now();
    Run(seed + static_cast<uint64_t>(i));
    std::printf("schedule %llu: %s after %.1f s\n",
                static_cast<unsigned long long>(seed + static_cast<uint64_t>(i)),
                HasFailure() ? "FAILED" : "ok", absl::ToDoubleSeconds(absl::Now() - begun));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace syncline::testing
