// The libpq connection against a real server: COPY, prepared statements, notifications, and
// failures.
#include "server/postgres/connection/connection.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/byte_buffer.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/postgres/connection/sqlstate.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/reserved_port.h"
#include "tests/support/silent_database.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::StatusIs;

// COPY BINARY of rows (bigint, text), with ids from 0.
ByteBuffer BinaryRows(int64_t rows, absl::string_view text) {
  ByteBuffer bytes;
  bytes.Append(absl::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
  for (int64_t row = 0; row < rows; ++row) {
    bytes.AppendInt16(2);
    bytes.AppendInt32(8);
    bytes.AppendInt64(row);
    bytes.AppendInt32(static_cast<int32_t>(text.size()));
    bytes.Append(text);
  }
  bytes.AppendInt16(-1);
  return bytes;
}

class ConnectionTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    connection_ = Connect();
    ASSERT_NE(connection_, nullptr);
    Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (id bigint, name text)"));
    copy_ = absl::StrCat("BEGIN; COPY ", Table("t"), " FROM STDIN (FORMAT binary)");
  }

  int64_t Count() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"))); }

  std::unique_ptr<Connection> connection_;
  std::string copy_;
};

TEST_F(ConnectionTest, SessionSettingsMatchContract) {
  const auto setting = [&](const std::string& name) {
    const absl::StatusOr<Result> result =
        connection_->Query("SELECT current_setting($1)", Params().Text(name));
    return result.ok() ? result->Text(0, 0) : result.status().ToString();
  };
  EXPECT_EQ(setting("TimeZone"), "UTC");
  EXPECT_EQ(setting("DateStyle"), "ISO, MDY");
  EXPECT_EQ(setting("client_encoding"), "UTF8");
  EXPECT_EQ(setting("synchronous_commit"), "on");
  EXPECT_EQ(setting("application_name"), "syncline");
}

// Without these settings, a COPY that waits for the rest of a block would hold its locks for two
// hours.
TEST(ConnectionOverTcpTest, SessionsSetTcpKeepalive) {
  ASSERT_OK_AND_ASSIGN(const auto cluster, testing::PostgresCluster::Create());
  ConnectionOptions options;
  options.conninfo = cluster->tcp_dsn();
  const auto settings = [&]() -> std::string {
    const absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(options);
    if (!connection.ok()) return connection.status().ToString();
    const absl::StatusOr<Result> result =
        (*connection)
            ->Query(
                "SELECT concat_ws(' ', current_setting('tcp_keepalives_idle'), "
                "current_setting('tcp_keepalives_interval'), "
                "current_setting('tcp_keepalives_count'), "
                "current_setting('tcp_user_timeout'))",
                {});
    return result.ok() ? result->Text(0, 0) : result.status().ToString();
  };
  EXPECT_EQ(settings(), "15 5 3 30000");
  // Stricter values in the connection string are kept.
  options.conninfo += " options='-c tcp_keepalives_idle=7 -c tcp_user_timeout=9000'";
  EXPECT_THAT(settings(),
              ::testing::AllOf(::testing::StartsWith("7 "), ::testing::EndsWith(" 9000")));
}

TEST_F(ConnectionTest, SocketShutdownEndsWaiting) {
  OpenSockets sockets;
  ConnectionOptions options;
  options.conninfo = dsn();
  options.sockets = &sockets;
  ASSERT_OK_AND_ASSIGN(const auto waiting, Connection::Open(options));
  ASSERT_OK_AND_ASSIGN(auto closed, Connection::Open(options));
  closed.reset();
  absl::Status status;
  {
    // The database also notices that the client has gone.
    const Thread thread("waits", [&] {
      status =
          waiting->Execute("SET client_connection_check_interval = '100ms'; SELECT pg_sleep(600)");
    });
    EXPECT_EQ(sockets.ShutDown(), 1);
  }
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  EXPECT_FALSE(waiting->usable());
  EXPECT_EQ(sockets.ShutDown(), 0);
}

TEST_F(ConnectionTest, ConnectionStringSettingsAreKept) {
  ConnectionOptions options;
  options.conninfo = absl::StrCat(dsn(),
                                  " application_name='it\\'s mine' client_encoding=LATIN1"
                                  " options='-c work_mem=7MB -c synchronous_commit=off'");
  ASSERT_OK_AND_ASSIGN(const auto connection, Connection::Open(options));
  ASSERT_OK_AND_ASSIGN(
      const Result result,
      connection->Query(
          "SELECT current_setting('application_name'), current_setting('work_mem'),"
          " current_setting('client_encoding'), current_setting('synchronous_commit')",
          {}));
  EXPECT_EQ(result.Text(0, 0), "it's mine");
  EXPECT_EQ(result.Text(0, 1), "7MB");
  // The user cannot change these: the encoders write UTF-8, and an acknowledged record is durable.
  EXPECT_EQ(result.Text(0, 2), "UTF8");
  EXPECT_EQ(result.Text(0, 3), "on");
}

TEST_F(ConnectionTest, CopyCommitsWithFollowingStatements) {
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(BinaryRows(3, "é").view()));
  ASSERT_OK_AND_ASSIGN(const int64_t rows, connection_->EndCopy());
  EXPECT_EQ(rows, 3);
  ASSERT_OK(connection_->Query(absl::StrCat("INSERT INTO ", Table("t"), " VALUES ($1, $2)"),
                               Params().Int(99).Null()));
  EXPECT_EQ(Count(), 0) << "visible before COMMIT";
  EXPECT_FALSE(connection_->usable());
  ASSERT_OK(connection_->Execute("COMMIT"));
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(QueryText(absl::StrCat("SELECT * FROM ", Table("t"), " ORDER BY id DESC LIMIT 2")),
            (std::vector<std::vector<std::string>>{{"99", "NULL"}, {"2", "é"}}));
}

TEST_F(ConnectionTest, CopyTakesBlocksLargerThanAPiece) {
  const std::string text(100'000, 'x');
  const ByteBuffer bytes = BinaryRows(60, text);
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(bytes.view().substr(0, 1)));
  ASSERT_OK(connection_->PutCopyData(bytes.view().substr(1)));
  ASSERT_OK_AND_ASSIGN(const int64_t rows, connection_->EndCopy());
  ASSERT_OK(connection_->Execute("COMMIT"));
  EXPECT_EQ(rows, 60);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT sum(length(name)) FROM ", Table("t"))), 6'000'000);
}

TEST_F(ConnectionTest, BadRowFailsCopyAndKeepsConnectionUsable) {
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(BinaryRows(3, "secret\xff value").view()));
  const absl::StatusOr<int64_t> rows = connection_->EndCopy();
  EXPECT_THAT(rows, StatusIs(StatusCode::kInvalidArgument, "INVALID_VALUE"));
  EXPECT_EQ(GetSqlState(rows.status()), "22021");
  EXPECT_FALSE(absl::StrContains(rows.status().ToString(), "secret"));
  EXPECT_FALSE(connection_->usable());
  connection_->Rollback();
  ASSERT_TRUE(connection_->usable());
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(BinaryRows(2, "good").view()));
  ASSERT_OK(connection_->EndCopy());
  ASSERT_OK(connection_->Execute("COMMIT"));
  EXPECT_EQ(Count(), 2);
}

TEST_F(ConnectionTest, RollbackEndsRunningCopy) {
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(BinaryRows(1000, "gone").view().substr(0, 5000)));
  connection_->Rollback();
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(Count(), 0);
}

TEST_F(ConnectionTest, BeginCopyOfMissingTableFails) {
  EXPECT_THAT(connection_->BeginCopy(absl::StrCat("BEGIN; COPY ", Table("none"), " FROM STDIN")),
              StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  connection_->Rollback();
  EXPECT_TRUE(connection_->usable());
  EXPECT_THAT(connection_->BeginCopy("SELECT 1"), StatusIs(StatusCode::kInternal, "DB_CLIENT"));
}

TEST_F(ConnectionTest, BackendTerminatedMidCopyIsUnavailable) {
  ASSERT_OK_AND_ASSIGN(const Result pid, connection_->Query("SELECT pg_backend_pid()", {}));
  ASSERT_OK(connection_->BeginCopy(copy_));
  ASSERT_OK(connection_->PutCopyData(BinaryRows(1, "x").view().substr(0, 30)));
  // Waits until the backend has ended, so that the rest is sent on a closed connection.
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_terminate_backend(", pid.Text(0, 0), ", 10000)")),
            "t");
  const std::string rest(8 << 20, 'x');
  const absl::Status put = connection_->PutCopyData(rest);
  EXPECT_TRUE(put.ok() || put.code() == StatusCode::kUnavailable) << put;
  const absl::StatusOr<int64_t> rows = connection_->EndCopy();
  EXPECT_THAT(rows, StatusIs(StatusCode::kUnavailable));
  EXPECT_TRUE(IsRetryable(rows.status()));
  connection_->Rollback();
  EXPECT_FALSE(connection_->usable());
  EXPECT_EQ(Count(), 0);
}

TEST_F(ConnectionTest, PreparedStatementsAreReusedAndBounded) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const Result result,
                         connection_->Query("SELECT $1::bigint + 1", Params().Int(i)));
    EXPECT_EQ(result.Int(0, 0), i + 1);
  }
  const std::string count = "SELECT count(*) FROM pg_prepared_statements";
  ASSERT_OK_AND_ASSIGN(const Result two, connection_->Query(count, {}));
  EXPECT_EQ(two.Int(0, 0), 2);
  for (int i = 0; i < 200; ++i) ASSERT_OK(connection_->Query(absl::StrCat("SELECT ", i), {}));
  ASSERT_OK_AND_ASSIGN(const Result many, connection_->Query(count, {}));
  EXPECT_EQ(many.Int(0, 0), 64);
}

TEST_F(ConnectionTest, StatementWithInvalidPlanIsPreparedAgain) {
  const std::string sql = absl::StrCat("SELECT * FROM ", Table("t"));
  ASSERT_OK(connection_->Query(sql, {}));
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ADD COLUMN extra int"));
  EXPECT_THAT(connection_->Query(sql, {}), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_OK(connection_->Query(sql, {}));
}

TEST_F(ConnectionTest, ParametersRoundTrip) {
  const std::string bytes("\0\x01\xfe'\\", 5);
  ASSERT_OK_AND_ASSIGN(
      const Result result,
      connection_->Query(
          "SELECT $1::bytea AS bytes, $2::text[] = ARRAY['a b','\"\\','','NULL','{,}'] AS array, "
          "$3::text AS nothing, $4::bool AS flag",
          Params().Bytes(bytes).TextArray({"a b", "\"\\", "", "NULL", "{,}"}).Null().Bool(true)));
  const RowView row = result.Row(0);
  EXPECT_EQ(row.Bytes("bytes"), bytes);
  EXPECT_TRUE(row.Bool("array"));
  EXPECT_TRUE(row.IsNull("nothing"));
  EXPECT_TRUE(row.Bool("flag"));
  ASSERT_OK_AND_ASSIGN(const Result empty, connection_->Query("SELECT cardinality($1::text[])",
                                                              Params().TextArray({})));
  EXPECT_EQ(empty.Int(0, 0), 0);
  ASSERT_OK_AND_ASSIGN(const Result none,
                       connection_->Query("SELECT 1 AS one WHERE false", Params()));
  EXPECT_THAT(none.columns(), ElementsAre("one"));
}

TEST_F(ConnectionTest, BinaryParametersFollowTextParameters) {
  ASSERT_OK_AND_ASSIGN(
      const Result result,
      connection_->Query("SELECT $1::bigint + $2::bigint AS sum, length($3::bytea) AS bytes",
                         Params()
                             .Int(1)
                             .Binary(std::string("\0\0\0\0\0\0\0\7", 8))
                             .Binary(std::string("a\0b", 3))));
  EXPECT_EQ(result.Row(0).Int("sum"), 8);
  EXPECT_EQ(result.Row(0).Int("bytes"), 3);
}

TEST_F(ConnectionTest, StatementIsATransactionOfItsOwn) {
  Execute(absl::StrCat("CREATE TABLE ", Table("own"), " (a int PRIMARY KEY)"));
  const std::string insert = absl::StrCat("INSERT INTO ", Table("own"), " VALUES ($1) RETURNING a");
  ASSERT_OK_AND_ASSIGN(const Result stored, connection_->QueryAndCommit(insert, Params().Int(7)));
  EXPECT_EQ(stored.Int(0, 0), 7);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("own"))), 1);
  EXPECT_FALSE(connection_->QueryAndCommit(insert, Params().Int(7)).ok());
  EXPECT_TRUE(connection_->usable());
  // An error of the statement says that nothing is committed, also if the connection is given up.
  const std::unique_ptr<Connection> replica = Connect();
  ASSERT_OK(replica->Execute("SET default_transaction_read_only = on"));
  EXPECT_THAT(replica->QueryAndCommit(insert, Params().Int(8)),
              StatusIs(StatusCode::kUnavailable, "DB_READ_ONLY"));
  EXPECT_FALSE(replica->usable());
  EXPECT_THAT(connection_->QueryAndCommit("SELECT pg_terminate_backend(pg_backend_pid())", {}),
              StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_FALSE(connection_->usable());
}

TEST_F(ConnectionTest, StatementsAreOneTransaction) {
  Execute(absl::StrCat("CREATE TABLE ", Table("own"),
                       " (a int UNIQUE DEFERRABLE INITIALLY DEFERRED, CHECK (a > 0))"));
  const std::string insert = absl::StrCat("INSERT INTO ", Table("own"), " VALUES ($1) RETURNING a");
  const auto run = [&](const std::vector<Statement>& statements) {
    std::vector<const Statement*> pointers;
    for (const Statement& statement : statements) pointers.push_back(&statement);
    return connection_->QueryAllAndCommit(pointers);
  };
  const auto count = [&] { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("own"))); };
  // The results are in the order of the statements.
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Result> stored,
      run({{insert, Params().Int(1)}, {"SELECT 1 WHERE false", {}}, {insert, Params().Int(2)}}));
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(stored[0].Int(0, 0), 1);
  EXPECT_TRUE(stored[1].empty());
  EXPECT_EQ(stored[2].Int(0, 0), 2);
  EXPECT_EQ(count(), 2);
  // The first error of a statement, or that of the COMMIT.
  EXPECT_THAT(run({{insert, Params().Int(3)}, {insert, Params().Int(-1)}, {"SELECT 1/0", {}}}),
              StatusIs(StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_TRUE(connection_->usable());
  EXPECT_THAT(run({{insert, Params().Int(4)}, {insert, Params().Int(1)}}),
              StatusIs(StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(count(), 2);
  EXPECT_OK(run({{insert, Params().Int(5)}}));
  // A statement that cannot be prepared: nothing is sent.
  EXPECT_FALSE(run({{insert, Params().Int(6)}, {"no statement", {}}}).ok());
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(count(), 3);
  EXPECT_THAT(
      run({{insert, Params().Int(7)}, {"SELECT pg_terminate_backend(pg_backend_pid())", {}}}),
      StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_FALSE(connection_->usable());
  EXPECT_EQ(count(), 3);
}

TEST(TwoHalvesTest, ServerThatReadsNothingStopsNeitherSendingNorPolling) {
  ASSERT_OK_AND_ASSIGN(const auto cluster, testing::PostgresCluster::Create());
  ConnectionOptions options;
  options.conninfo = cluster->tcp_dsn();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Connection> connection, Connection::Open(options));
  ASSERT_OK(connection->Execute("CREATE TABLE public.t (id bigint, name text)"));
  const Statement insert = {"INSERT INTO public.t VALUES (1, $1)",
                            Params().Text(std::string(7 << 10, 'x'))};
  EXPECT_FALSE(connection->TrySend(insert)) << "it is not prepared";
  ASSERT_OK(connection->QueryAndCommit(insert.sql, insert.params));
  cluster->Freeze();
  EXPECT_TRUE(connection->TrySend(insert));
  EXPECT_FALSE(connection->PollForResult(absl::Milliseconds(1)));
  cluster->Thaw();
  EXPECT_TRUE(connection->PollForResult(absl::Seconds(30)));
  EXPECT_OK(connection->ReceiveAndCommit(insert));
  ASSERT_OK_AND_ASSIGN(const Result rows, connection->Query("SELECT count(*) FROM public.t", {}));
  EXPECT_EQ(rows.Int(0, 0), 2);
}

TEST_F(ConnectionTest, PollingEndsWithTheConnection) {
  const Statement sleep = {"SELECT pg_sleep($1::integer)", Params().Int(0)};
  ASSERT_OK(connection_->QueryAndCommit(sleep.sql, sleep.params));
  ASSERT_OK_AND_ASSIGN(const Result backend, connection_->Query("SELECT pg_backend_pid()", {}));
  EXPECT_TRUE(connection_->TrySend({sleep.sql, Params().Int(60)}));
  Execute(absl::StrCat("SELECT pg_terminate_backend(", backend.Int(0, 0), ")"));
  EXPECT_TRUE(connection_->PollForResult(absl::Seconds(30)));
  EXPECT_THAT(connection_->ReceiveAndCommit(sleep),
              StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
}

TEST_F(ConnectionTest, ErrorsContainNoValues) {
  const absl::StatusOr<Result> result =
      connection_->Query("SELECT $1::text::int", Params().Text("4111-1111"));
  EXPECT_THAT(result, StatusIs(StatusCode::kInvalidArgument, "INVALID_VALUE"));
  EXPECT_FALSE(absl::StrContains(result.status().ToString(), "4111")) << result.status();
}

TEST_F(ConnectionTest, NotificationWakesWaiter) {
  ASSERT_OK(connection_->Execute(absl::StrCat("LISTEN ", schema())));
  EXPECT_THAT(*connection_->WaitForNotifications(absl::Milliseconds(1)), ::testing::IsEmpty());
  Execute(absl::StrCat("NOTIFY ", schema(), ", 'x'; NOTIFY ", schema(), ", 'y'"));
  EXPECT_THAT(*connection_->WaitForNotifications(absl::Seconds(60)),
              ::testing::ElementsAre("x", "y"));
  EXPECT_THAT(*connection_->WaitForNotifications(absl::ZeroDuration()), ::testing::IsEmpty());
}

TEST_F(ConnectionTest, BackendTerminationEndsWaiting) {
  ASSERT_OK_AND_ASSIGN(const Result pid, connection_->Query("SELECT pg_backend_pid()", {}));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_terminate_backend(", pid.Text(0, 0), ", 10000)")),
            "t");
  EXPECT_THAT(connection_->WaitForNotifications(absl::Seconds(60)),
              StatusIs(StatusCode::kUnavailable));
}

TEST_F(ConnectionTest, AbortStopsStatementOfAnotherThread) {
  const std::string running =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
      " AND query = 'SELECT pg_sleep(600) /* abort me */'";
  absl::Status status;
  {
    const Thread thread(
        "sleeper", [&] { status = connection_->Execute("SELECT pg_sleep(600) /* abort me */"); });
    while (QueryInt(running) == 0) continue;
    connection_->Abort();
  }
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  EXPECT_FALSE(connection_->usable());
  // The database ends it soon, too.
  const absl::Time aborted = absl::Now();
  while (QueryInt(running) > 0 && absl::Now() - aborted < absl::Seconds(30)) continue;
  EXPECT_LT(absl::Now() - aborted, absl::Seconds(3));
}

TEST(ConnectionOpenTest, ClosedPortErrorHidesPassword) {
  const testing::ReservedPort closed;
  ConnectionOptions options;
  options.conninfo =
      absl::StrCat("host=127.0.0.1 user=u password=hunter2 dbname=d port=", closed.port());
  const absl::Status status = Connection::Open(options).status();
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  EXPECT_TRUE(IsRetryable(status));
  EXPECT_FALSE(absl::StrContains(status.ToString(), "hunter2"));
}

TEST(ConnectionOpenTest, SilentServerIsUnreachableWithinTimeout) {
  const testing::SilentDatabase silent;
  ConnectionOptions options = silent.options();
  options.connect_timeout = absl::Seconds(2);
  EXPECT_THAT(Connection::Open(options), StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
}

TEST(ConnectionOpenTest, InvalidConninfoIsExplainedButNotQuoted) {
  const auto refusal = [](const std::string& conninfo) {
    ConnectionOptions options;
    options.conninfo = conninfo;
    const absl::Status status = Connection::Open(options).status();
    EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, "DB_CONNINFO"));
    EXPECT_FALSE(absl::StrContains(status.ToString(), "hunter2"));
    return std::string(status.message());
  };
  EXPECT_EQ(refusal("host=127.0.0.1 hunter2"),
            "the connection string cannot be parsed: missing = after (omitted) in connection "
            "info string");
  EXPECT_TRUE(
      absl::StrContains(refusal("host=db prot=5432"), "invalid connection option \"prot\""));
  EXPECT_TRUE(absl::StrContains(refusal("postgresql://u:hunter2@[db"), "IPv6"));
}

TEST(ConnectionAuthTest, RefusalsAreClassifiedBySqlState) {
  ASSERT_OK_AND_ASSIGN(
      const auto cluster,
      testing::PostgresCluster::Create({.settings = {{"max_connections", "5"},
                                                     {"superuser_reserved_connections", "1"},
                                                     {"max_wal_senders", "0"}}}));
  const auto open = [](const std::string& conninfo) {
    ConnectionOptions options;
    options.conninfo = conninfo;
    return Connection::Open(options);
  };
  EXPECT_OK(open(cluster->tcp_dsn()));
  const absl::Status wrong = open(cluster->TcpDsnWithPassword("not-the-password")).status();
  EXPECT_THAT(wrong, StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  EXPECT_EQ(GetSqlState(wrong), "28P01");
  EXPECT_FALSE(absl::StrContains(wrong.ToString(), "not-the-password"));
  EXPECT_THAT(open(cluster->TcpDsnWithPassword("''")),
              StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  EXPECT_THAT(open(absl::StrCat(cluster->dsn(), " dbname=missing")),
              StatusIs(StatusCode::kFailedPrecondition, "DB_MISSING"));
  std::vector<std::unique_ptr<Connection>> all;
  absl::Status refused;
  while (refused.ok() && all.size() < 10) {
    absl::StatusOr<std::unique_ptr<Connection>> one = open(cluster->dsn());
    refused = one.status();
    if (one.ok()) all.push_back(*std::move(one));
  }
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnavailable, "TOO_MANY_CONNECTIONS"));
}

}  // namespace
}  // namespace syncline::postgres
