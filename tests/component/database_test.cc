// The control connections against a real server: transactions, retries, and broken connections.
#include "server/postgres/connection/database.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/postgres/connection/sqlstate.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::StatusIs;

class DatabaseTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (id int PRIMARY KEY, n int)"));
    Execute(absl::StrCat("INSERT INTO ", Table("t"), " VALUES (1, 0), (2, 0)"));
  }

  std::string Update(int id) {
    return absl::StrCat("UPDATE ", Table("t"), " SET n = n + 1 WHERE id = ", id);
  }
  int64_t Sum() { return QueryInt(absl::StrCat("SELECT sum(n) FROM ", Table("t"))); }
  // Waits until `count` other sessions wait for a lock.
  void WaitForLockWaiters(int64_t count) {
    const std::string waiters = absl::StrCat(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%",
        schema(), "%'");
    while (QueryInt(waiters) < count) continue;
  }
};

TEST_F(DatabaseTest, CommitsTheBody) {
  Result result;
  ASSERT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    SYNCLINE_ASSIGN_OR_RETURN(result,
                              transaction.Query(absl::StrCat("UPDATE ", Table("t"),
                                                             " SET n = n + $1"
                                                             " RETURNING id, n, NULL AS nothing"),
                                                Params().Int(10)));
    return absl::OkStatus();
  }));
  EXPECT_EQ(Sum(), 21);
  EXPECT_EQ(result.affected(), 2);
  ASSERT_EQ(result.size(), 2u);
  EXPECT_THAT(result.columns(), ElementsAre("id", "n", "nothing"));
  EXPECT_EQ(result.Row(0).Int("n") + result.Row(1).Int("n"), 21);
  EXPECT_TRUE(result.Row(0).IsNull("nothing"));
  EXPECT_EQ(result.Row(0).Text("nothing"), "");
}

TEST_F(DatabaseTest, RollsBackWhenTheBodyFails) {
  EXPECT_THAT(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    return absl::NotFoundError("changed my mind");
  }),
              StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(Sum(), 0);
  const Database::Usage usage = database().usage();
  EXPECT_EQ(usage.open, 1);
  EXPECT_EQ(usage.busy, 0);
}

TEST_F(DatabaseTest, HiddenErrorPreventsCommit) {
  EXPECT_THAT(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    EXPECT_THAT(transaction.Execute("SELECT * FROM no_such_table"),
                StatusIs(StatusCode::kFailedPrecondition));
    return absl::OkStatus();
  }),
              StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  EXPECT_EQ(Sum(), 0);
  ASSERT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(absl::StrCat(Update(1), "; SAVEPOINT s")));
    EXPECT_THAT(transaction.Execute("SELECT 1/0"), StatusIs(StatusCode::kInvalidArgument));
    return transaction.Execute("ROLLBACK TO SAVEPOINT s");
  }));
  EXPECT_EQ(Sum(), 1);
}

TEST_F(DatabaseTest, RefusedCommitIsNotCommitUnknown) {
  Execute(absl::StrCat("CREATE TABLE ", Table("child"), " (id int REFERENCES ", Table("t"),
                       " DEFERRABLE INITIALLY DEFERRED)"));
  EXPECT_THAT(database().Transact([&](Transaction& transaction) {
    return transaction.Execute(absl::StrCat("INSERT INTO ", Table("child"), " VALUES (77)"));
  }),
              StatusIs(StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_OK(database().Ping());
}

TEST_F(DatabaseTest, ErrorsHaveOnlyThePrimaryMessage) {
  const absl::Status status = database().Transact([&](Transaction& transaction) {
    return transaction
        .Query(absl::StrCat("INSERT INTO ", Table("t"), " VALUES ($1, 5)"), Params().Int(1))
        .status();
  });
  EXPECT_THAT(status, StatusIs(StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_EQ(status.message(), "duplicate key value violates unique constraint \"t_pkey\"");
}

TEST_F(DatabaseTest, TimeoutsAndDurabilityAreTransactionLocal) {
  const std::string show =
      "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),"
      " current_setting('synchronous_commit'), current_setting('TimeZone')";
  Result inside;
  Result after;
  TransactOptions options;
  options.lock_timeout = absl::Milliseconds(1500);
  options.statement_timeout = absl::Seconds(7);
  options.durable = false;
  ASSERT_OK(database().Transact(
      [&](Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(inside, transaction.Query(show));
        return absl::OkStatus();
      },
      options));
  ASSERT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(after, transaction.Query(show));
    return absl::OkStatus();
  }));
  EXPECT_EQ(inside.Text(0, 0), "1500ms");
  EXPECT_EQ(inside.Text(0, 1), "7s");
  EXPECT_EQ(inside.Text(0, 2), "off");
  EXPECT_EQ(after.Text(0, 0), "0");
  EXPECT_EQ(after.Text(0, 1), "0");
  EXPECT_EQ(after.Text(0, 2), "on");
  EXPECT_EQ(after.Text(0, 3), "UTC");
}

TEST_F(DatabaseTest, LockTimeoutIsAborted) {
  const std::unique_ptr<Connection> other = Connect();
  ASSERT_OK(other->Execute(absl::StrCat("BEGIN; LOCK TABLE ", Table("t"))));
  TransactOptions options;
  options.lock_timeout = absl::Milliseconds(50);
  EXPECT_THAT(
      database().Transact([&](Transaction& transaction) { return transaction.Execute(Update(1)); },
                          options),
      StatusIs(StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  options.lock_timeout = absl::ZeroDuration();
  options.statement_timeout = absl::Milliseconds(50);
  EXPECT_THAT(
      database().Transact([&](Transaction& transaction) { return transaction.Execute(Update(1)); },
                          options),
      StatusIs(StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT"));
  other->Rollback();
  EXPECT_OK(database().Transact(
      [&](Transaction& transaction) { return transaction.Execute(Update(1)); }));
}

TEST_F(DatabaseTest, DeadlockIsRetried) {
  // The other session holds row 2 and, once this one holds row 1, requests it: a deadlock. This
  // session is the victim, because only its deadlock_timeout is short.
  const std::unique_ptr<Connection> other = Connect();
  ASSERT_OK(
      other->Execute(absl::StrCat("BEGIN; SET LOCAL deadlock_timeout = '10min'; ", Update(2))));
  int attempts = 0;
  absl::Status other_status;
  std::unique_ptr<Thread> thread;
  ASSERT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
    ++attempts;
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SET LOCAL deadlock_timeout = '50ms'"));
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    if (attempts == 1) {
      thread = std::make_unique<Thread>(
          "other", [&] { other_status = other->Execute(absl::StrCat(Update(1), "; COMMIT")); });
      WaitForLockWaiters(1);
    }
    return transaction.Execute(Update(2));
  }));
  thread.reset();
  EXPECT_EQ(attempts, 2);
  EXPECT_OK(other_status);
  EXPECT_EQ(Sum(), 4);
}

TEST_F(DatabaseTest, ConflictsAreRetriedThreeTimesOrNever) {
  const std::string conflict =
      "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$";
  int attempts = 0;
  const auto body = [&](Transaction& transaction) {
    ++attempts;
    return transaction.Execute(conflict);
  };
  EXPECT_THAT(database().Transact(body), StatusIs(StatusCode::kAborted, "CONFLICT"));
  EXPECT_EQ(attempts, 4);
  attempts = 0;
  TransactOptions options;
  options.retry_conflicts = false;
  EXPECT_THAT(database().Transact(body, options), StatusIs(StatusCode::kAborted, "CONFLICT"));
  EXPECT_EQ(attempts, 1);
}

TEST_F(DatabaseTest, TerminatedBackendIsUnavailableAndReplaced) {
  const absl::Status status = database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    SYNCLINE_ASSIGN_OR_RETURN(const Result pid, transaction.Query("SELECT pg_backend_pid()"));
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_terminate_backend(", pid.Text(0, 0), ", 10000)")),
              "t");
    const absl::Status first = transaction.Execute(Update(2));
    EXPECT_THAT(first, StatusIs(StatusCode::kUnavailable));
    // The statement does not run on a new connection, outside the transaction.
    EXPECT_THAT(transaction.Execute(Update(2)), StatusIs(StatusCode::kUnavailable));
    return first;
  });
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(database().usage().open, 0);
  ASSERT_OK(database().Transact(
      [&](Transaction& transaction) { return transaction.Execute(Update(1)); }));
  EXPECT_EQ(Sum(), 1);
}

TEST_F(DatabaseTest, LostCommitIsUnknown) {
  EXPECT_THAT(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Update(1)));
    SYNCLINE_ASSIGN_OR_RETURN(const Result pid, transaction.Query("SELECT pg_backend_pid()"));
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_terminate_backend(", pid.Text(0, 0), ", 10000)")),
              "t");
    return absl::OkStatus();
  }),
              StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_EQ(Sum(), 0);
  EXPECT_OK(database().Ping());
}

TEST_F(DatabaseTest, CallersShareConnections) {
  DatabaseOptions options;
  options.conninfo = dsn();
  options.max_connections = 2;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Database> small, Database::Create(options));
  EXPECT_EQ(small->usage().open, 0);
  std::atomic<int> failures = 0;
  std::atomic<int64_t> most = 0;
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < 6; ++i) {
      threads.push_back(std::make_unique<Thread>("caller", [&] {
        for (int n = 0; n < 10; ++n) {
          const absl::Status status = small->Transact([&](Transaction& transaction) {
            const int64_t open = small->usage().open;
            if (open > most) most = open;
            return transaction.Execute(Update(1));
          });
          if (!status.ok()) ++failures;
        }
      }));
    }
  }
  EXPECT_EQ(failures, 0);
  EXPECT_LE(most, 2);
  EXPECT_EQ(Sum(), 60);
  EXPECT_EQ(small->usage().busy, 0);
}

TEST(DatabaseRestartTest, StaleConnectionsAreReplacedWithoutError) {
  ASSERT_OK_AND_ASSIGN(const auto cluster, testing::PostgresCluster::Create());
  DatabaseOptions options;
  options.conninfo = cluster->dsn();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Database> database, Database::Create(options));
  // Opens two connections in the pool.
  ASSERT_OK(database->Transact([&](Transaction&) { return database->Ping(); }));
  ASSERT_EQ(database->usage().open, 2);
  cluster->Stop(testing::PostgresCluster::StopMode::kImmediate);
  EXPECT_THAT(database->Ping(), StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  ASSERT_OK(cluster->Start());
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(database->Transact([&](Transaction& transaction) {
      ++runs;
      return transaction.Query("SELECT 1").status();
    }));
  }
  EXPECT_EQ(runs, 3);
}

TEST(DatabaseRestartTest, WrongPasswordIsReported) {
  ASSERT_OK_AND_ASSIGN(const auto cluster, testing::PostgresCluster::Create());
  DatabaseOptions options;
  options.conninfo = cluster->TcpDsnWithPassword("wrong");
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Database> database, Database::Create(options));
  EXPECT_THAT(database->Ping(), StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  EXPECT_EQ(database->usage().open, 0);
  options.conninfo = cluster->tcp_dsn();
  ASSERT_OK_AND_ASSIGN(database, Database::Create(options));
  EXPECT_OK(database->Ping());
  options.conninfo = "no connection string";
  EXPECT_THAT(Database::Create(options), StatusIs(StatusCode::kInvalidArgument, "DB_CONNINFO"));
}

TEST(DatabaseRestartTest, ReadOnlyServerIsUnavailable) {
  ASSERT_OK_AND_ASSIGN(
      const auto cluster,
      testing::PostgresCluster::Create({.settings = {{"default_transaction_read_only", "on"}}}));
  DatabaseOptions options;
  options.conninfo = cluster->dsn();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Database> database, Database::Create(options));
  EXPECT_THAT(database->Transact([](Transaction& transaction) {
    return transaction.Execute("CREATE TABLE t (id int)");
  }),
              StatusIs(StatusCode::kUnavailable, "DB_READ_ONLY"));
}

}  // namespace
}  // namespace syncline::postgres
