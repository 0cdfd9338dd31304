// What the registry keeps of a sync, and for how long.
#include "server/sync/sync_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/metrics/metrics.h"
#include "server/sync/stream_session.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/component/ledger_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using sync::StreamSession;

class SyncRegistryTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                       ledger_.get(), "registry_test");
    writer_ = std::make_unique<write::Writer>(write::LoaderContext{&database(), ledger_.get(), {}});
    metrics_ = metrics::Metrics::Create({});
    sync::SessionContext context;
    context.store = store_.get();
    context.writer = writer_.get();
    context.metrics = metrics_.get();
    registry_ = std::make_unique<sync::SyncRegistry>(
        context, sync::StartLimits{TargetSchema(), ledger_->schema()});
  }

  void TearDown() override {
    if (registry_ != nullptr) Execute("DROP SCHEMA IF EXISTS " + TargetSchema() + " CASCADE");
    PostgresTest::TearDown();
  }

  std::string TargetSchema() const { return schema() + "_tables"; }

  void Start(const std::string& sync_id, const std::vector<std::string>& streams) {
    sync::StartRequest request;
    request.sync_id = sync_id;
    request.digest = sync_id;
    for (const std::string& name : streams) {
      StreamConfig stream;
      stream.descriptor = {"", name};
      stream.json_schema = R"({"properties":{"id":{"type":"integer"}}})";
      request.streams.push_back(stream);
    }
    ASSERT_OK(registry_->Start(request));
  }

  // The session. Only the registry owns it.
  std::weak_ptr<StreamSession> Session(const std::string& sync_id, const std::string& stream) {
    absl::StatusOr<std::shared_ptr<StreamSession>> session =
        registry_->FindStream(sync_id, {"", stream});
    EXPECT_OK(session);
    return session.ok() ? *session : nullptr;
  }

  absl::StatusOr<StreamEntry> Complete(const std::string& sync_id, const std::string& stream) {
    return registry_->Complete(sync_id, {"", stream}, {true, std::nullopt});
  }

  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<write::Writer> writer_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<sync::SyncRegistry> registry_;
};

TEST_F(SyncRegistryTest, SyncIsForgottenWithItsLastStream) {
  Start("nightly", {"users", "orders"});
  const std::weak_ptr<StreamSession> users = Session("nightly", "users");
  const std::weak_ptr<StreamSession> orders = Session("nightly", "orders");

  EXPECT_OK(Complete("nightly", "users"));
  registry_->ForgetIdle(absl::Hours(1));
  EXPECT_FALSE(users.expired());
  EXPECT_FALSE(orders.expired());

  EXPECT_OK(Complete("nightly", "orders"));
  EXPECT_TRUE(users.expired());
  EXPECT_TRUE(orders.expired());
}

TEST_F(SyncRegistryTest, ForgottenSyncIsReloaded) {
  Start("nightly", {"users"});
  ASSERT_OK_AND_ASSIGN(const StreamEntry first, Complete("nightly", "users"));
  ASSERT_OK_AND_ASSIGN(const StreamEntry again, Complete("nightly", "users"));
  EXPECT_EQ(again.state, first.state);
  EXPECT_EQ(again.result.outcome, first.result.outcome);
  EXPECT_THAT(Complete("nightly", "orders"), StatusIs(StatusCode::kNotFound, "UNKNOWN_STREAM"));

  // The sync is loaded again from the ledger, which has its end.
  const std::weak_ptr<StreamSession> loaded = Session("nightly", "users");
  EXPECT_FALSE(loaded.expired());
  registry_->ForgetIdle(absl::Hours(1));
  EXPECT_TRUE(loaded.expired());
}

TEST_F(SyncRegistryTest, HeldSessionStaysUntilReleased) {
  Start("nightly", {"users"});
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<StreamSession> held,
                       registry_->FindStream("nightly", {"", "users"}));
  EXPECT_OK(Complete("nightly", "users"));
  registry_->ForgetIdle(absl::ZeroDuration());
  EXPECT_EQ(Session("nightly", "users").lock(), held);

  const std::weak_ptr<StreamSession> session = held;
  held.reset();
  registry_->ForgetIdle(absl::Hours(1));
  EXPECT_TRUE(session.expired());
}

TEST_F(SyncRegistryTest, UnusedRunningSyncIsForgotten) {
  Start("nightly", {"users"});
  const std::weak_ptr<StreamSession> session = Session("nightly", "users");
  registry_->ForgetIdle(absl::Hours(1));
  EXPECT_FALSE(session.expired());
  registry_->ForgetIdle(absl::ZeroDuration());
  EXPECT_TRUE(session.expired());
  EXPECT_OK(Complete("nightly", "users"));
}

TEST_F(SyncRegistryTest, CancelledSyncIsForgotten) {
  Start("nightly", {"users"});
  const std::weak_ptr<StreamSession> session = Session("nightly", "users");
  ASSERT_OK(registry_->Cancel("nightly"));
  registry_->ForgetIdle(absl::Hours(1));
  EXPECT_TRUE(session.expired());
  EXPECT_THAT(Complete("nightly", "users"),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

}  // namespace
}  // namespace syncline::testing
