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
#include "base/thread.h"
#include "server/metrics/metrics.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_migration.h"
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
    ConfigureLog(LogLevel::kError, LogFormat::kText);
  }
  void TearDown() override {
    if (ledger_ != nullptr) Execute(absl::StrCat("DROP SCHEMA ", ledger_->schema(), " CASCADE"));
    PostgresTest::TearDown();
  }

  std::unique_ptr<postgres::Ledger> ledger_;
};

TEST_F(StreamHistoryTest, TableHoldsExpectedRows) {
  const auto metrics = metrics::Metrics::Create({});
  postgres::ConnectionPool connections({.conninfo = dsn()});
  const postgres::DataCommitter committer(*ledger_);
  const World world = {&database(), ledger_.get(), &connections,
                       &committer,  metrics.get(), schema()};
  const uint64_t seed = RandomSeed(/*fixed=*/105976);
  const int histories = Histories();
  std::atomic<int> next = 0;
  std::vector<absl::Status> failures(kThreads);
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

}  // namespace
}  // namespace syncline::testing
