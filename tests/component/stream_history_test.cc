// Random histories of streams against the real PostgreSQL: syncs that fail at any point and run
// again with another catalog (tests/component/history_run.h).
//
// SYNCLINE_HISTORIES sets the number of histories (300), SYNCLINE_TEST_SEED the first seed.
// scripts/chaos --histories runs more.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/stop_signal.h"
#include "base/thread.h"
#include "server/metrics/metrics.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/write/load/group_commit.h"
#include "tests/component/history_run.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/sanitized.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

// More of them, with another seed each time: scripts/chaos --histories, which CI runs for minutes.
constexpr int kHistories = kSanitized ? 50 : 300;
constexpr int kThreads = 2;
// Histories whose small blocks are committed together: a part of them, on more threads.
constexpr int kPerGroupedHistory = 5;
constexpr int kGroupedThreads = 4;

int Histories() {
  const char* const given = std::getenv("SYNCLINE_HISTORIES");
  return given != nullptr ? std::atoi(given) : kHistories;
}

class StreamHistoryTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (schema().empty()) return;
    ledger_ = std::make_unique<postgres::Ledger>(schema() + "_ledger");
    ASSERT_OK(postgres::MigrateLedger(database(), ledger_->schema()));
    committer_ = std::make_unique<postgres::DataCommitter>(*ledger_);
    ConfigureLog(LogLevel::kError, LogFormat::kText);
  }
  void TearDown() override {
    if (ledger_ != nullptr) Execute(absl::StrCat("DROP SCHEMA ", ledger_->schema(), " CASCADE"));
    PostgresTest::TearDown();
  }

  World MakeWorld(postgres::ConnectionPool* connections) {
    return {&database(), ledger_.get(), connections, committer_.get(), metrics_.get(), schema()};
  }
  static void RunHistories(const World& world, int histories, size_t threads_at_once) {
    const uint64_t seed = RandomSeed(/*fixed=*/105976);
    std::atomic<int> next = 0;
    std::vector<absl::Status> failures(threads_at_once);
    {
      std::vector<std::unique_ptr<Thread>> threads;
      for (absl::Status& failure : failures) {
        threads.push_back(std::make_unique<Thread>("history", [&] {
          for (int i = next++; i < histories && failure.ok(); i = next++) {
            failure = HistoryRun(world, seed + static_cast<uint64_t>(i)).Run();
          }
        }));
      }
    }
    for (const absl::Status& failure : failures) EXPECT_OK(failure);
    std::printf("%d histories\n", histories);
  }

  std::unique_ptr<postgres::Ledger> ledger_;
  std::unique_ptr<postgres::DataCommitter> committer_;
  const std::unique_ptr<metrics::Metrics> metrics_ = metrics::Metrics::Create({});
};

// Keeps the only slot of a GroupCommit occupied for most of the time, so that blocks wait and are
// then committed together.
class SlowMember {
 public:
  explicit SlowMember(write::GroupCommit* group)
      : thread_(std::make_unique<Thread>("slow", [this, group] {
          while (!over_) {
            const auto member = std::make_shared<write::GroupMember>(
                write::GroupMember::Key(0, "", 0),
                postgres::Statement{"SELECT 1::bigint FROM pg_catalog.pg_sleep(0.003)", {}});
            const auto resumed = std::make_shared<StopSignal>();
            EXPECT_TRUE(group->Add(member, [resumed](write::GroupResult) { resumed->Set(); }));
            if (!member->is_over()) resumed->Wait(absl::InfiniteDuration());
          }
        })) {}
  ~SlowMember() {
    over_ = true;
    thread_.reset();
  }
  SlowMember(const SlowMember&) = delete;
  SlowMember& operator=(const SlowMember&) = delete;

 private:
  std::atomic<bool> over_ = false;
  std::unique_ptr<Thread> thread_;  // last: started when all other members exist
};

TEST_F(StreamHistoryTest, TableHoldsExpectedRows) {
  postgres::ConnectionPool connections({.conninfo = dsn()});
  RunHistories(MakeWorld(&connections), Histories(), kThreads);
}

TEST_F(StreamHistoryTest, TableHoldsExpectedRowsOfGroupCommits) {
  postgres::ConnectionOptions options;
  options.conninfo = dsn();
  options.lock_timeout = absl::Milliseconds(500);
  postgres::ConnectionPool connections(options);
  options.lock_timeout = write::GroupCommit::kLockTimeout;
  postgres::ConnectionPool group_connections(options);
  write::StatementTables statements;
  write::GroupCommit group(&group_connections, /*max_groups=*/1);
  postgres::DatabaseOptions database_options;
  database_options.conninfo = dsn();
  database_options.max_connections = 2 * kGroupedThreads;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<postgres::Database> many,
                       postgres::Database::Create(database_options));
  World world = MakeWorld(&connections);
  world.database = many.get();
  world.statements = &statements;
  world.group = &group;
  {
    const SlowMember slow(&group);
    RunHistories(world, Histories() / kPerGroupedHistory, kGroupedThreads);
  }
  EXPECT_GT(group.committed_together(), 0);
  std::printf("%lld blocks committed together\n",
              static_cast<long long>(group.committed_together()));
}

}  // namespace
}  // namespace syncline::testing
