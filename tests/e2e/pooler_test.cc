// A server behind PgBouncer: session pooling works, the other modes are refused before the server
// sets anything in a session that it would share with other programs.
#include "tests/support/pooler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/postgres/connection/bare_session.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

class PoolerTest : public EndToEndTest {
 protected:
  void SetUp() override {
    if (!Pooler::Installed()) {
      const char* const ci = std::getenv("CI");
      if (ci != nullptr && absl::string_view(ci) == "true") {
        FAIL() << "PgBouncer is not installed, and CI runs every test; run scripts/setup";
      }
      GTEST_SKIP() << "PgBouncer is not installed: run scripts/setup";
    }
    EndToEndTest::SetUp();
  }

  void TearDown() override {
    server_.reset();
    pooler_.reset();
    EndToEndTest::TearDown();
  }

  // Starts a PgBouncer in `mode` and a server that knows only the PgBouncer.
  void StartBehind(absl::string_view mode, bool serves,
                   const std::vector<std::pair<std::string, std::string>>& settings = {}) {
    ASSERT_OK_AND_ASSIGN(pooler_, Pooler::Start(dsn(), mode, settings));
    ServerProcessOptions options = ServerOptions();
    options.dsn = pooler_->dsn();
    options.wait_until_serving = serves;
    ASSERT_OK_AND_ASSIGN(server_, ServerProcess::Start(options));
    client_ = server_->Client();
  }

  void ExpectRefused() {
    absl::Status refused;
    ASSERT_TRUE(Eventually([&] {
      refused = client_->StartSync(OneStream("refused", "rows")).status();
      return GetReason(refused) != "LEDGER_NOT_READY";
    }));
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(GetReason(refused), "POOLER_MODE") << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("pool_mode = session"));
    EXPECT_THAT(server_->Log(), HasSubstr("POOLER_MODE"));
  }

  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))); }

  std::unique_ptr<Pooler> pooler_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

TEST_F(PoolerTest, SessionPoolingLoadsAndReplaces) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("session", /*serves=*/true));
  for (int64_t generation = 1; generation <= 2; ++generation) {
    const std::string id = absl::StrCat("generation ", generation);
    ASSERT_OK(client_->StartSync(Generation(id, generation, generation)));
    ASSERT_OK(Send(*client_, id, "rows", 0, 1000 * generation));
    ASSERT_OK(client_->CompleteStream(Completion(id, "rows")));
    EXPECT_EQ(Rows(), 1000 * generation);
  }
}

TEST_F(PoolerTest, SessionPoolingEndsLoadsThatWaitForALock) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("session", /*serves=*/true));
  ASSERT_OK(client_->StartSync(OneStream("cancelled", "rows")));
  ASSERT_OK(Send(*client_, "cancelled", "rows", 0, 10));
  const std::unique_ptr<postgres::Connection> blocker = Connect();
  ASSERT_OK(blocker->Execute(absl::StrCat("BEGIN; LOCK TABLE ", Table("rows"))));
  auto loading = std::async(std::launch::async, [&] {
    return Send(*server_->Client(), "cancelled", "rows", 10, 20).status();
  });
  ASSERT_TRUE(Eventually([&] {
    return QueryInt(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
               " wait_event_type = 'Lock'") > 0;
  }));
  EXPECT_OK(client_->CancelSync("cancelled"));
  ASSERT_EQ(loading.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_FALSE(loading.get().ok());
  blocker->Rollback();
}

TEST_F(PoolerTest, TransactionPoolingIsRefused) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("transaction", /*serves=*/false));
  ExpectRefused();
}

// The pooler has several idle sessions and hands them out in turn.
TEST_F(PoolerTest, TransactionPoolingInTurnIsRefused) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("transaction", /*serves=*/false,
                                      {{"server_round_robin", "1"}, {"min_pool_size", "3"}}));
  ExpectRefused();
}

TEST_F(PoolerTest, StatementPoolingIsRefused) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("statement", /*serves=*/false));
  ExpectRefused();
}

// Other programs use the sessions that the server was refused.
TEST_F(PoolerTest, RefusedServerLeavesNoSettings) {
  ASSERT_NO_FATAL_FAILURE(
      StartBehind("transaction", /*serves=*/false, {{"default_pool_size", "1"}}));
  ExpectRefused();
  ASSERT_OK_AND_ASSIGN(postgres::BareSession other,
                       postgres::BareSession::Open(pooler_->dsn(), absl::Seconds(10)));
  ASSERT_OK_AND_ASSIGN(const std::string level,
                       other.Ask("SHOW client_min_messages", absl::Seconds(10)));
  EXPECT_EQ(level, "notice");
  ASSERT_OK_AND_ASSIGN(const std::string timeout,
                       other.Ask("SHOW idle_in_transaction_session_timeout", absl::Seconds(10)));
  EXPECT_EQ(timeout, "0");
}

TEST_F(PoolerTest, PoolOfOneSessionIsReported) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("session", /*serves=*/false, {{"default_pool_size", "1"}}));
  absl::Status refused;
  EXPECT_TRUE(Eventually([&] {
    refused = client_->StartSync(OneStream("waits", "rows")).status();
    return GetReason(refused) == "TOO_MANY_CONNECTIONS";
  })) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("default_pool_size"));
}

}  // namespace
}  // namespace syncline::testing
