// A database role that may use schemas but not create any determines what can be loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

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
    Execute(absl::StrCat("CREATE ROLE ", role(), "; CREATE SCHEMA ", ledger(), " AUTHORIZATION ",
                         role(), "; GRANT USAGE, CREATE ON SCHEMA ", schema(), " TO ", role(),
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
    if (!schema().empty()) {
      Execute(absl::StrCat("DROP OWNED BY ", role(), " CASCADE; DROP ROLE ", role(),
                           "; DROP SCHEMA ", schema(), "_closed"));
    }
    EndToEndTest::TearDown();
  }

  std::string role() const { return schema() + "_role"; }

  absl::Status StartIn(absl::string_view space) {
    v1::StartSyncRequest request = OneStream(absl::StrCat("into ", space), "rows");
    request.mutable_streams(0)->mutable_descriptor()->set_namespace_(std::string(space));
    return client_->StartSync(request).status();
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
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
