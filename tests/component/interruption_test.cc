// Interruptions of control transactions: what they cancel, that they never cancel a COMMIT, and
// COMMITs that a synchronous standby has not confirmed.
#include "base/interruption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "server/postgres/connection/database.h"
#include "tests/support/own_cluster.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using testing::StatusIs;

class InterruptionTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (n int)"));
  }

  // Runs `work` on another thread, with interruption_. `result` is valid after join.
  std::unique_ptr<Thread> Run(std::function<absl::Status()> work, absl::Status* result) {
    return std::make_unique<Thread>("work", [this, work, result] {
      const Interruption::Scope scope(interruption_);
      *result = work();
    });
  }
  void Interrupt() { interruption_->Interrupt(absl::CancelledError("gone")); }

  // Waits until a session of this test runs a statement like `pattern` in `state`.
  void WaitFor(const std::string& pattern, const std::string& wait = "%") {
    while (QueryInt(absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
                                 " AND pid <> pg_backend_pid() AND query LIKE '",
                                 pattern, "' AND coalesce(wait_event, '') LIKE '", wait, "'")) ==
           0) {
      continue;
    }
  }

  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"))); }
  std::string Insert() const { return absl::StrCat("INSERT INTO ", Table("t"), " VALUES (1)"); }

  const std::shared_ptr<Interruption> interruption_ = std::make_shared<Interruption>();
};

TEST_F(InterruptionTest, CancelsTheRunningStatement) {
  const std::string sleep = absl::StrCat("SELECT pg_sleep(600) /* ", schema(), " */");
  absl::Status result;
  auto work = Run(
      [&] {
        return database().Transact([&](Transaction& transaction) -> absl::Status {
          SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Insert()));
          return transaction.Execute(sleep);
        });
      },
      &result);
  WaitFor(absl::StrCat("%", schema(), "%"), "PgSleep");
  Interrupt();
  work.reset();
  EXPECT_EQ(result, absl::CancelledError("gone"));
  EXPECT_EQ(database().usage().open, 0) << "a late request could cancel another statement";
  EXPECT_OK(database().Ping());
  EXPECT_EQ(Rows(), 0);
}

TEST_F(InterruptionTest, EndsTheTransactionBetweenStatements) {
  absl::Status result;
  Run(
      [&] {
        return database().Transact([&](Transaction& transaction) -> absl::Status {
          SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Insert()));
          Interrupt();
          return transaction.Execute(Insert());
        });
      },
      &result)
      .reset();
  EXPECT_EQ(result, absl::CancelledError("gone"));
  EXPECT_EQ(Rows(), 0);
  Run([&] { return database().Ping(); }, &result).reset();
  EXPECT_OK(result) << "a ping is not work of the call";
  Run([&] { return database().Transact([](Transaction&) { return absl::OkStatus(); }); }, &result)
      .reset();
  EXPECT_EQ(result, absl::CancelledError("gone"));
}

TEST_F(InterruptionTest, EndsTheWaitForAConnection) {
  DatabaseOptions options;
  options.conninfo = dsn();
  options.max_connections = 1;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Database> small, Database::Create(options));
  const absl::Time began = absl::Now();
  ASSERT_OK(small->Transact([&](Transaction&) -> absl::Status {
    absl::Status result;
    auto work = Run([&] { return small->Transact([](Transaction&) { return absl::OkStatus(); }); },
                    &result);
    absl::SleepFor(absl::Milliseconds(50));
    Interrupt();
    work.reset();
    EXPECT_EQ(result, absl::CancelledError("gone"));
    return absl::OkStatus();
  }));
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
}

TEST_F(InterruptionTest, NeverCancelsACommit) {
  Execute(absl::StrCat("CREATE FUNCTION ", schema(), ".slow() RETURNS trigger LANGUAGE plpgsql AS ",
                       "$$ BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END $$;"
                       "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON ",
                       Table("t"), " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ",
                       schema(), ".slow()"));
  absl::Status result;
  auto work = Run(
      [&] {
        return database().Transact(
            [&](Transaction& transaction) { return transaction.Execute(Insert()); });
      },
      &result);
  WaitFor("COMMIT", "PgSleep");
  Interrupt();
  work.reset();
  EXPECT_OK(result);
  EXPECT_EQ(Rows(), 1);
}

// Each transaction is interrupted at a random moment. It has committed exactly if it returned OK.
TEST_F(InterruptionTest, ResultIsThatOfTheTransaction) {
  constexpr int kRounds = 200;
  int64_t committed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto interruption = std::make_shared<Interruption>();
    absl::Status result;
    auto work = std::make_unique<Thread>("work", [&] {
      const Interruption::Scope scope(interruption);
      result = database().Transact([&](Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Insert()));
        return transaction.Execute("SELECT pg_sleep(0.001)");
      });
    });
    absl::SleepFor(absl::Microseconds(50 * (round % 80)));
    interruption->Interrupt(absl::CancelledError("gone"));
    work.reset();
    if (result.ok()) ++committed;
  }
  EXPECT_EQ(Rows(), committed);
}

TEST_F(InterruptionTest, OtherCancelsKeepTheirReason) {
  absl::Status result;
  auto work = Run(
      [&] {
        return database().Transact([&](Transaction& transaction) {
          return transaction.Execute(absl::StrCat("SELECT pg_sleep(600) /* ", schema(), " */"));
        });
      },
      &result);
  WaitFor(absl::StrCat("%", schema(), "%"), "PgSleep");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
                                    "query LIKE 'SELECT pg_sleep(600)%",
                                    schema(), "%'")),
            "t");
  work.reset();
  EXPECT_THAT(result, StatusIs(StatusCode::kCancelled, "STATEMENT_CANCELLED"));
}

class AbsentStandbyTest : public testing::WithOwnCluster<testing::PostgresTest> {
 protected:
  void SetUp() override {
    WithOwnCluster::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (n int)"));
  }

  void Require(const std::string& standby) {
    Execute(absl::StrCat("ALTER SYSTEM SET synchronous_standby_names = '", standby, "'"));
    Execute("SELECT pg_reload_conf()");
    while (QueryValue("SHOW synchronous_standby_names") != standby) continue;
  }
  // Cancels the next COMMIT that waits for the standby.
  void CancelACommit() {
    while (QueryInt("SELECT count(*) FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                    " WHERE wait_event = 'SyncRep' LIMIT 1) c") == 0) {
      continue;
    }
    absl::SleepFor(absl::Milliseconds(50));  // until it has left the wait
  }
  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"))); }
  std::string Insert() const { return absl::StrCat("INSERT INTO ", Table("t"), " VALUES (1)"); }

  absl::Status InsertByControlConnection() {
    return database().Transact(
        [&](Transaction& transaction) { return transaction.Execute(Insert()); });
  }
  absl::Status InsertByDataConnection() {
    const auto connection = Connect();
    SYNCLINE_RETURN_IF_ERROR(connection->Begin());
    SYNCLINE_RETURN_IF_ERROR(connection->Execute(Insert()));
    return connection->Commit();
  }

  // Cancels two waits of `insert`: that of its COMMIT and that of the commit which confirms it.
  void ExpectUnknownUntilConfirmed(const std::function<absl::Status()>& insert) {
    Require("absent");
    absl::Status result;
    auto work = std::make_unique<Thread>("work", [&] { result = insert(); });
    CancelACommit();
    CancelACommit();
    work.reset();
    EXPECT_EQ(Rows(), 1) << "it is visible";
    EXPECT_THAT(result, StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
    // The standby is removed while the second commit waits for it.
    work = std::make_unique<Thread>("work", [&] { result = insert(); });
    CancelACommit();
    while (QueryInt("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == 0) {
      continue;
    }
    Require("");
    work.reset();
    EXPECT_OK(result);
    EXPECT_EQ(Rows(), 2);
  }
};

TEST_F(AbsentStandbyTest, ControlCommitIsUnknownUntilConfirmed) {
  ExpectUnknownUntilConfirmed([this] { return InsertByControlConnection(); });
}

TEST_F(AbsentStandbyTest, DataCommitIsUnknownUntilConfirmed) {
  ExpectUnknownUntilConfirmed([this] { return InsertByDataConnection(); });
}

}  // namespace
}  // namespace syncline::postgres
