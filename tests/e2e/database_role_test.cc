// A database role that may use schemas but not create any determines what can be loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DatabaseRoleTest : public EndToEndTest {
 protected:
  void SetUp() override {
    EndToEndTest::SetUp();
    if (schema().empty()) return;
    MakeRole(role());
    Execute(absl::StrCat("CREATE SCHEMA ", ledger(), " AUTHORIZATION ", role(),
                         "; GRANT USAGE, CREATE ON SCHEMA ", schema(), " TO ", role(),
                         "; CREATE SCHEMA ", schema(), "_closed"));
    ServerProcessOptions options;
    options.dsn = absl::StrCat(dsn(), " options='-c role=", role(), "'");
    options.ledger_schema = ledger();
    options.flags = {absl::StrCat("--default_schema=", schema())};
    ASSERT_OK_AND_ASSIGN(server_, ServerProcess::Start(options));
    client_ = server_->Client();
  }

  void TearDown() override {
    server_.reset();
    for (const std::string& created : roles_) {
      Execute(absl::StrCat("DROP OWNED BY ", created, " CASCADE; DROP ROLE ", created));
    }
    if (!schema().empty()) Execute(absl::StrCat("DROP SCHEMA ", schema(), "_closed"));
    EndToEndTest::TearDown();
  }

  std::string role() const { return schema() + "_role"; }

  // Creates a role that is dropped at the end of the test.
  void MakeRole(const std::string& name) {
    Execute(absl::StrCat("CREATE ROLE ", name));
    roles_.push_back(name);
  }

  absl::Status StartIn(absl::string_view space) {
    v1::StartSyncRequest request = OneStream(absl::StrCat("into ", space), "rows");
    request.mutable_streams(0)->mutable_descriptor()->set_namespace_(std::string(space));
    return client_->StartSync(request).status();
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;

 private:
  std::vector<std::string> roles_;
};

TEST_F(DatabaseRoleTest, LoadsOnlyWhereItHasRights) {
  EXPECT_THAT(StartIn(schema() + "_closed"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(StartIn(schema() + "_new"), StatusIs(absl::StatusCode::kPermissionDenied));
  ASSERT_OK(StartIn(schema()));
  ASSERT_OK(Send(*client_, absl::StrCat("into ", schema()), "rows", 0, 10));
  EXPECT_OK(client_->CompleteStream(Completion(absl::StrCat("into ", schema()), "rows")));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 10);
  // A second server finds the existing ledger.
  EXPECT_OK(server_->Restart());
}

// The ledger belongs to another role, which keeps it up to date.
TEST_F(DatabaseRoleTest, RoleThatMayOnlyUseTheLedgerServes) {
  const std::string user = schema() + "_user";
  MakeRole(user);
  Execute(absl::StrCat("GRANT USAGE ON SCHEMA ", ledger(), " TO ", user,
                       "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ", ledger(),
                       " TO ", user, "; GRANT USAGE, CREATE ON SCHEMA ", schema(), " TO ", user));
  ServerProcessOptions options;
  options.dsn = absl::StrCat(dsn(), " options='-c role=", user, "'");
  options.ledger_schema = ledger();
  options.flags = {absl::StrCat("--default_schema=", schema())};
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(options));
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  ASSERT_OK(Send(*client, "s", "rows", 0, 10));
  ASSERT_OK(client->CompleteStream(Completion("s", "rows")));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 10);
  ASSERT_OK(client->GetSync("s"));
  ASSERT_OK(client->StartSync(OneStream("t", "rows")));
  ASSERT_OK(client->CancelSync("t"));
  EXPECT_THAT(server->Log(), Not(HasSubstr("DB_PERMISSION_DENIED")));
}

TEST_F(DatabaseRoleTest, MissingRightIsNotUnavailable) {
  ServerProcessOptions options;
  options.dsn = absl::StrCat(dsn(), " options='-c role=", role(), "'");
  options.ledger_schema = schema() + "_closed";
  options.wait_until_serving = false;
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(options));
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(
        server->Log(),
        "ERROR database_unusable code=PERMISSION_DENIED reason=DB_PERMISSION_DENIED");
  }));
  EXPECT_THAT(server->Log(), HasSubstr("GRANT USAGE, CREATE ON SCHEMA"));
  EXPECT_THAT(server->Log(), Not(HasSubstr("database_unreachable")));
}

}  // namespace
}  // namespace syncline::testing
