// A database that ends sessions, restarts, is unavailable, full or read-only, or rejects our login:
// F13 to F19, F22 and F28 of docs/faults.md. The tests run their own PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr int64_t kRecords = 1000;

class DatabaseFaultTest : public WithOwnCluster<FaultTest> {
 protected:
  void SetUp() override {
    WithOwnCluster<FaultTest>::SetUp();
    if (schema().empty()) return;
    server_ = StartFaultServer();
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
  }

  // Runs `statement` on a new connection, which a restart does not break.
  std::string Ask(absl::string_view statement) {
    const auto connection = Connect();
    const absl::StatusOr<postgres::Result> result = connection->Query(statement, {});
    EXPECT_OK(result) << statement;
    return result.ok() && result->size() > 0 ? result->Text(0, 0) : "";
  }
  int64_t AskInt(absl::string_view statement) {
    int64_t number = -1;
    EXPECT_TRUE(absl::SimpleAtoi(Ask(statement), &number)) << statement;
    return number;
  }
  void TerminateServersSessions() {
    Ask(
        absl::StrCat("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE "
                     "application_name = '",
                     kFaultApplication, "'"));
  }
  void SetOption(absl::string_view name, absl::string_view value) {
    const auto connection = Connect();
    EXPECT_OK(connection->Execute(absl::StrCat("ALTER SYSTEM SET ", name, " = '", value, "'")));
    EXPECT_OK(connection->Execute("SELECT pg_reload_conf()"));
    EXPECT_TRUE(Eventually([&] { return Ask(absl::StrCat("SHOW ", name)) == value; }));
  }

  // Sends half of the records, then the other half while `fault` strikes at `point`. Returns the
  // status of the call during which the fault struck.
  absl::Status StrikeWhileLoading(DeliveryHistory* history, const char* point,
                                  absl::FunctionRef<void()> fault) {
    EXPECT_OK(Start(*client_, *history));
    EXPECT_OK(Deliver(*client_, history, 0, kRecords / 2));
    server_->Arm(point, FailpointAction::kPause);
    absl::Status met;
    {
      const Thread sender(
          "sender", [&] { met = Deliver(*client_, history, kRecords / 2, kRecords).status(); });
      EXPECT_TRUE(server_->WaitForFailpoint(kPatience));
      fault();
      server_->Disarm();
    }
    return met;
  }
  // Does the same during the completion.
  absl::Status StrikeWhileCompleting(DeliveryHistory* history, const char* point,
                                     absl::FunctionRef<void()> fault) {
    EXPECT_OK(Start(*client_, *history));
    EXPECT_OK(Deliver(*client_, history, 0, kRecords));
    server_->Arm(point, FailpointAction::kPause);
    absl::Status met;
    {
      const Thread sender("sender", [&] { met = Complete(*client_, history).status(); });
      EXPECT_TRUE(server_->WaitForFailpoint(kPatience));
      fault();
      server_->Disarm();
    }
    return met;
  }
  // Checks the status of a call during which the database crashed.
  static void ExpectCrashAnswer(const absl::Status& met) {
    EXPECT_THAT(met, ::testing::AnyOf(IsOk(), StatusIs(StatusCode::kUnavailable),
                                      StatusIs(StatusCode::kAborted, "CLAIM_LOST")));
  }
  void ExpectResumed(DeliveryHistory* history) {
    EXPECT_OK(server_->WaitUntilServing(kPatience));
    Resume(history, {server_->address()});
    ExpectKept({history});
    ExpectDiscreet(*server_);
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

struct Strike {
  const char* name;
  const char* failpoint;
};
std::string NameOf(const ::testing::TestParamInfo<Strike>& strike) { return strike.param.name; }

// The server reconnects once by itself, so the caller sees no error or UNAVAILABLE.
class SessionEndTest : public DatabaseFaultTest, public ::testing::WithParamInterface<Strike> {};

TEST_P(SessionEndTest, F13_WhileLoading) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  const absl::Status met =
      StrikeWhileLoading(&history, GetParam().failpoint, [&] { TerminateServersSessions(); });
  EXPECT_THAT(met, ::testing::AnyOf(IsOk(), StatusIs(StatusCode::kUnavailable)));
  ExpectResumed(&history);
}
INSTANTIATE_TEST_SUITE_P(Faults, SessionEndTest,
                         ::testing::Values(Strike{"MidCopy", failpoint::kCopySent},
                                           Strike{"BeforeCommit", failpoint::kBeforeCommit}),
                         NameOf);

TEST_F(DatabaseFaultTest, F14_SessionsEndDuringAMerge) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kDedup, kRecords));
  EXPECT_THAT(
      StrikeWhileCompleting(&history, failpoint::kMerged, [&] { TerminateServersSessions(); }),
      StatusIs(StatusCode::kUnavailable));
  ExpectResumed(&history);
}

TEST_F(DatabaseFaultTest, F14_SessionsEndDuringASwap) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 10, 1));
  Resume(&before, {server_->address()});
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 2));
  EXPECT_THAT(
      StrikeWhileCompleting(&history, failpoint::kSwapped, [&] { TerminateServersSessions(); }),
      StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(CountRows("rows"), 10) << "the complete old table";
  ExpectResumed(&history);
}

TEST_F(DatabaseFaultTest, F15_PostgresIsStoppedImmediately) {
  for (const char* const point : {failpoint::kCopySent, failpoint::kCommitted}) {
    DeliveryHistory history(Stream(point, DeliveryMode::kReplace, kRecords));
    const absl::Status met = StrikeWhileLoading(&history, point, [&] {
      cluster_->Stop(PostgresCluster::StopMode::kImmediate);
      ASSERT_OK(cluster_->Start());
    });
    ExpectCrashAnswer(met);
    ExpectResumed(&history);
  }
}

TEST_F(DatabaseFaultTest, F16_UnrelatedBackendIsKilled) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kDedup, kRecords));
  const absl::Status met = StrikeWhileLoading(&history, failpoint::kCopySent, [&] {
    const auto unrelated = Connect();
    const absl::StatusOr<postgres::Result> pid = unrelated->Query("SELECT pg_backend_pid()", {});
    ASSERT_OK(pid);
    ASSERT_EQ(kill(static_cast<pid_t>(pid->Int(0, 0)), SIGKILL), 0);
    // PostgreSQL ends all sessions and recovers.
    EXPECT_TRUE(Eventually(
        [&] { return !unrelated->Query("SELECT 1", {}).ok() && database().Ping().ok(); }));
  });
  ExpectCrashAnswer(met);
  ExpectResumed(&history);
}

TEST_F(DatabaseFaultTest, F17_UnavailableDatabaseIsReportedAtOnce) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  cluster_->Stop(PostgresCluster::StopMode::kFast);
  const absl::Time asked = absl::Now();
  const absl::Status answer = Start(*client_, history);
  EXPECT_THAT(answer, StatusIs(StatusCode::kUnavailable));
  EXPECT_TRUE(GetDetail(answer).retry_after.has_value());
  EXPECT_LT(absl::Now() - asked, absl::Seconds(5));
  EXPECT_TRUE(Eventually([&] { return server_->HttpStatus("/readyz") == 503; }));
  EXPECT_EQ(server_->HttpStatus("/healthz"), 200);
  ASSERT_OK(cluster_->Start());
  ExpectResumed(&history);
  EXPECT_EQ(server_->HttpStatus("/readyz"), 200);
}

TEST_F(DatabaseFaultTest, F19_ReadOnlyDatabaseIsNamed) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 10, 1));
  Resume(&before, {server_->address()});
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 2));
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, kRecords));
  SetOption("default_transaction_read_only", "on");
  EXPECT_THAT(Complete(*client_, &history), StatusIs(StatusCode::kUnavailable, "DB_READ_ONLY"));
  DeliveryHistory other(Stream("others", DeliveryMode::kAppend, kRecords));
  EXPECT_THAT(Start(*client_, other), StatusIs(StatusCode::kUnavailable, "DB_READ_ONLY"));
  EXPECT_EQ(CountRows("rows"), 10);
  const auto admin = Connect();
  ASSERT_OK(admin->Execute("SET default_transaction_read_only = off"));
  ASSERT_OK(admin->Execute("ALTER SYSTEM RESET default_transaction_read_only"));
  ASSERT_OK(admin->Execute("SELECT pg_reload_conf()"));
  ExpectResumed(&history);
  ExpectResumed(&other);
}

TEST_F(DatabaseFaultTest, F22_StatementTimeoutIsNamed) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kDedup, 97));
  Resume(&before, {server_->address()});
  DeliveryStream next = Stream("rows", DeliveryMode::kDedup, kRecords);
  next.sync_id += " next";
  DeliveryHistory slow(next);
  ASSERT_OK(Start(*client_, slow));
  ASSERT_OK(Deliver(*client_, &slow, 0, kRecords));
  const auto admin = Connect();
  ASSERT_OK(admin->Execute(absl::StrCat(
      "CREATE FUNCTION ", schema(),
      ".wait() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$; CREATE TRIGGER wait BEFORE INSERT OR "
      "UPDATE ON ",
      Table("rows"), " FOR EACH ROW EXECUTE FUNCTION ", schema(), ".wait()")));
  SetOption("statement_timeout", "200ms");
  const absl::Time asked = absl::Now();
  EXPECT_THAT(Complete(*client_, &slow),
              StatusIs(StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT"));
  EXPECT_LT(absl::Now() - asked, absl::Seconds(10));
  ASSERT_OK(admin->Execute("ALTER SYSTEM RESET statement_timeout"));
  ASSERT_OK(admin->Execute("SELECT pg_reload_conf()"));
  ASSERT_OK(admin->Execute(absl::StrCat("DROP TRIGGER wait ON ", Table("rows"))));
  ExpectResumed(&slow);
}

// F28: the password is changed while the server has the old one.
TEST_F(DatabaseFaultTest, F28_ChangedPasswordIsNamed) {
  ASSERT_OK_AND_ASSIGN(const auto link, FaultProxy::Start(cluster_->port()));
  ServerProcessOptions options = ServerOptions();
  options.dsn = absl::StrCat(cluster_->tcp_dsn(), " host=127.0.0.1 port=", link->port());
  const auto server = Started(options);
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, 500));
  const auto admin = Connect();
  const std::string stored = Ask("SELECT rolpassword FROM pg_authid WHERE rolname = current_user");
  ASSERT_OK(
      admin->Execute("DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD ''another''', "
                     "current_user); END $$"));
  link->Cut();
  EXPECT_THAT(Deliver(*client, &history, 500, kRecords),
              StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  EXPECT_THAT(Start(*client, history), StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  const int64_t before = link->accepted();
  absl::SleepFor(absl::Seconds(4));
  const int64_t tries = link->accepted() - before;
  RecordProperty("tries_in_4_s", static_cast<int>(tries));
  EXPECT_LT(tries, 40) << "too many logins";
  ASSERT_OK(admin->Execute(
      absl::StrCat("DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', current_user, '",
                   stored, "'); END $$")));
  ASSERT_OK(server->WaitUntilServing(kPatience));
  Resume(&history, {server->address()});
  ExpectKept({&history});
}

// F18: other programs use every connection that PostgreSQL allows.
class FullDatabaseTest : public DatabaseFaultTest {
 protected:
  PostgresClusterOptions ClusterOptions() const override {
    return {.settings = {{"max_connections", "24"}}};
  }

  // Takes all connections, including those of the server.
  void TakeAllConnections() {
    const std::string of_server =
        absl::StrCat(" FROM pg_stat_activity WHERE application_name = '", kFaultApplication, "'");
    int64_t left = 1;
    for (int i = 0; i < 100 && left > 0; ++i) {
      Execute(absl::StrCat("SELECT pg_terminate_backend(pid, 10000)", of_server));
      postgres::ConnectionOptions options;
      options.conninfo = absl::StrCat(cluster_->dsn(), " application_name=crowd");
      absl::StatusOr<std::unique_ptr<postgres::Connection>> one =
          postgres::Connection::Open(options);
      while (one.ok()) {
        crowd_.push_back(*std::move(one));
        one = postgres::Connection::Open(options);
      }
      left = QueryInt(absl::StrCat("SELECT count(*)", of_server));
    }
    EXPECT_EQ(left, 0);
  }

  std::vector<std::unique_ptr<postgres::Connection>> crowd_;
};

TEST_F(FullDatabaseTest, F18_IsReportedAndDataIsKept) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords));
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, kRecords));
  TakeAllConnections();
  for (const absl::Status& answer :
       {Complete(*client_, &history).status(),
        Start(*client_, DeliveryHistory(Stream("others", DeliveryMode::kAppend, 1)))}) {
    EXPECT_THAT(answer, StatusIs(StatusCode::kUnavailable, "TOO_MANY_CONNECTIONS"));
    EXPECT_TRUE(GetDetail(answer).retry_after.has_value());
  }
  crowd_.clear();
  ExpectResumed(&history);
}

}  // namespace
}  // namespace syncline::testing
