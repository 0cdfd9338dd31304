// What every connection pins when it opens, whatever the database sets for its sessions, and the
// sessions and servers that are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/ledger/readiness.h"
#include "tests/support/old_server.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using testing::StatusIs;

class SessionTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (!schema().empty()) name_ = QueryValue("SELECT current_database()");
  }

  void TearDown() override {
    // The database is that of this test program.
    if (!name_.empty()) Execute(absl::StrCat("ALTER DATABASE ", name_, " RESET ALL"));
    PostgresTest::TearDown();
  }

  // Sets what new sessions of the database start with.
  void SetForDatabase(absl::string_view setting, absl::string_view value) {
    Execute(absl::StrCat("ALTER DATABASE ", name_, " SET ", setting, " = ", value));
  }

  // Returns the setting in a new session of a data connection and, if it differs there, in one of a
  // control connection.
  std::string ValueInNewSession(const std::string& setting) {
    const std::string sql = absl::StrCat("SELECT pg_catalog.current_setting('", setting, "')");
    const std::unique_ptr<Connection> connection = Connect();
    if (connection == nullptr) return "";
    const absl::StatusOr<Result> data = connection->Query(sql, {});
    const absl::StatusOr<Result> control = Control(sql);
    if (!data.ok()) return data.status().ToString();
    if (!control.ok()) return control.status().ToString();
    if (data->Text(0, 0) == control->Text(0, 0)) return data->Text(0, 0);
    return absl::StrCat(data->Text(0, 0), ", and ", control->Text(0, 0));
  }

  // Runs a statement in a new session of a control connection.
  absl::StatusOr<Result> Control(const std::string& sql) {
    DatabaseOptions options;
    options.conninfo = dsn();
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Create(options);
    if (!database.ok()) return database.status();
    Result result;
    const absl::Status status = (*database)->Transact([&](Transaction& transaction) {
      absl::StatusOr<Result> rows = transaction.Query(sql);
      if (rows.ok()) result = *std::move(rows);
      return rows.status();
    });
    return status.ok() ? absl::StatusOr<Result>(result) : status;
  }

 private:
  std::string name_;
};

TEST_F(SessionTest, SettingsThatChangeTheMeaningOfStatementsArePinned) {
  struct Pinned {
    const char* setting;
    const char* odd;
    const char* value;
  };
  const std::vector<Pinned> pinned = {
      {"search_path", "public, pg_catalog", R"("pg_catalog", "pg_temp")"},
      {"quote_all_identifiers", "on", "off"},
      {"row_security", "on", "off"},
      {"TimeZone", "'Asia/Kathmandu'", "UTC"},
      {"DateStyle", "'German, DMY'", "ISO, MDY"},
      {"IntervalStyle", "iso_8601", "postgres"},
      {"bytea_output", "escape", "hex"},
      {"extra_float_digits", "-15", "1"},
      {"standard_conforming_strings", "off", "on"},
      {"client_encoding", "LATIN1", "UTF8"},
      {"default_transaction_isolation", "serializable", "read committed"},
      {"default_transaction_deferrable", "on", "off"},
      {"transform_null_equals", "on", "off"},
      {"array_nulls", "off", "on"},
      {"xmloption", "document", "content"},
      {"check_function_bodies", "on", "off"},
      {"exit_on_error", "on", "off"},
      {"client_min_messages", "debug1", "warning"},
  };
  for (const Pinned& one : pinned) SetForDatabase(one.setting, one.odd);
  for (const Pinned& one : pinned) {
    EXPECT_EQ(ValueInNewSession(one.setting), one.value) << one.setting;
  }
}

// A temporary table has a type of its own name, and both would be found before those of pg_catalog
// if the search path did not name pg_temp.
TEST_F(SessionTest, TemporaryTablesShadowNothing) {
  const std::unique_ptr<Connection> session = Connect();
  ASSERT_OK(session->Execute(
      "CREATE TEMPORARY TABLE pg_class (a int); CREATE TEMPORARY TABLE text (a int)"));
  EXPECT_OK(session->Execute("SELECT relname::text FROM pg_class"));
}

TEST_F(SessionTest, CommitsAreDurable) {
  for (const auto& [set, found] :
       std::vector<std::pair<std::string, std::string>>{{"off", "on"},
                                                        {"local", "on"},
                                                        {"on", "on"},
                                                        {"remote_write", "remote_write"},
                                                        {"remote_apply", "remote_apply"}}) {
    SetForDatabase("synchronous_commit", set);
    EXPECT_EQ(ValueInNewSession("synchronous_commit"), found) << set;
  }
}

TEST_F(SessionTest, LimitsOfTheAdministratorAreKept) {
  SetForDatabase("statement_timeout", "'77min'");
  SetForDatabase("lock_timeout", "'78min'");
  SetForDatabase("idle_in_transaction_session_timeout", "'7s'");
  SetForDatabase("work_mem", "'7MB'");
  EXPECT_EQ(ValueInNewSession("statement_timeout"), "77min");
  EXPECT_EQ(ValueInNewSession("lock_timeout"), "78min");
  EXPECT_EQ(ValueInNewSession("idle_in_transaction_session_timeout"), "7s");
  EXPECT_EQ(ValueInNewSession("work_mem"), "7MB");
}

TEST_F(SessionTest, SessionWithoutTriggersIsRefused) {
  SetForDatabase("session_replication_role", "replica");
  ConnectionOptions options;
  options.conninfo = dsn();
  EXPECT_THAT(Connection::Open(options),
              StatusIs(StatusCode::kFailedPrecondition, "DB_REPLICATION_ROLE"));
  EXPECT_THAT(Control("SELECT 1"),
              StatusIs(StatusCode::kFailedPrecondition, "DB_REPLICATION_ROLE"));
}

TEST_F(SessionTest, ReasonOfAnEndedSessionIsReported) {
  const std::unique_ptr<Connection> ended = Connect();
  const absl::Status shutdown =
      ended->Query("SELECT pg_terminate_backend(pg_backend_pid())", {}).status();
  EXPECT_THAT(shutdown, StatusIs(StatusCode::kUnavailable, "DB_SHUTDOWN"));
  EXPECT_EQ(GetSqlState(shutdown), "57P01");
  EXPECT_FALSE(ended->usable());

  const std::unique_ptr<Connection> idle = Connect();
  ASSERT_OK_AND_ASSIGN(const Result pid, idle->Query("SELECT pg_backend_pid()", {}));
  ASSERT_OK(idle->Execute("SET idle_in_transaction_session_timeout = '20ms'; BEGIN"));
  while (QueryInt(absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE pid = ",
                               pid.Text(0, 0))) > 0) {
    continue;
  }
  const absl::Status timeout = idle->Execute("SELECT 1");
  EXPECT_THAT(timeout, StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  EXPECT_EQ(GetSqlState(timeout), "25P03");
}

TEST_F(SessionTest, TransactionTimeoutIsNotALostConnection) {
  if (QueryInt("SHOW server_version_num") < 170000) {
    GTEST_SKIP() << "transaction_timeout needs PostgreSQL 17";
  }
  SetForDatabase("transaction_timeout", "'100ms'");
  const std::unique_ptr<Connection> data = Connect();
  ASSERT_OK(data->Begin());
  const absl::Status status = data->Execute("SELECT pg_sleep(60)");
  EXPECT_THAT(status, StatusIs(StatusCode::kDeadlineExceeded, "TRANSACTION_TIMEOUT"));
  EXPECT_TRUE(IsRetryable(status));
  EXPECT_FALSE(data->usable());
  EXPECT_THAT(Control("SELECT pg_sleep(60)"),
              StatusIs(StatusCode::kDeadlineExceeded, "TRANSACTION_TIMEOUT"));
}

TEST(OldServerTest, NothingIsServedBelowTheOldestVersion) {
  ASSERT_OK_AND_ASSIGN(const auto server, testing::OldServer::Start("14.23"));
  ConnectionOptions data;
  data.conninfo = server->dsn();
  EXPECT_THAT(Connection::Open(data), StatusIs(StatusCode::kFailedPrecondition, "DB_TOO_OLD"));
  DatabaseOptions control;
  control.conninfo = server->dsn();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Database> database, Database::Create(control));
  Readiness readiness(database.get(), "syncline");
  EXPECT_FALSE(readiness.Check());
  EXPECT_THAT(readiness.last(), StatusIs(StatusCode::kFailedPrecondition, "DB_TOO_OLD"));
  EXPECT_THAT(readiness.prepared(), StatusIs(StatusCode::kFailedPrecondition, "DB_TOO_OLD"));
}

}  // namespace
}  // namespace syncline::postgres
