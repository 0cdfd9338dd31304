// A ledger that a newer server has migrated beyond the version that this server supports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

class LedgerVersionTest : public EndToEndTest {
 protected:
  // Migrates to version 1000, which requires a server that supports version `minimum`.
  void MigrateFurther(int minimum) {
    Execute(absl::StrCat("INSERT INTO ", LedgerTable("migration"),
                         " (version, minimum_server) VALUES (1000, ", minimum,
                         ") ON CONFLICT (version) DO UPDATE SET minimum_server = ", minimum));
  }
};

TEST_F(LedgerVersionTest, OldServerRefusesAtStartAndWhileRunning) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  ASSERT_OK(Send(*client, "s", "rows", 0, 10));
  MigrateFurther(1);
  ASSERT_OK(server->Restart());
  ASSERT_OK(Send(*client, "s", "rows", 10, 20));

  MigrateFurther(999);
  const auto refuses = [&] {
    return GetReason(client->ListSyncs({}).status()) == "LEDGER_TOO_NEW" &&
           !client->CheckHealth().ok();
  };
  EXPECT_TRUE(Eventually(refuses));
  EXPECT_THAT(Send(*client, "s", "rows", 20, 30).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LEDGER_TOO_NEW"));
  EXPECT_THAT(server->Log(), HasSubstr("database_unusable code=FAILED_PRECONDITION "
                                       "reason=LEDGER_TOO_NEW"));

  ServerProcessOptions options;
  options.dsn = dsn();
  options.ledger_schema = ledger();
  options.wait_until_serving = false;
  ASSERT_OK_AND_ASSIGN(const auto started, ServerProcess::Start(options));
  EXPECT_THAT(started->Client()->StartSync(OneStream("t", "rows")).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LEDGER_TOO_NEW"));

  // The newer version and its changes are rolled back.
  MigrateFurther(1);
  EXPECT_TRUE(Eventually([&] { return client->CheckHealth().ok(); }));
  ASSERT_OK(Send(*client, "s", "rows", 20, 30));
  ASSERT_OK(client->CompleteStream(Completion("s", "rows")));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 30);
}

}  // namespace
}  // namespace syncline::testing
