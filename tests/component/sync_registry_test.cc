// What the registry keeps of a sync, and for how long.
#include "server/sync/sync_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/metrics/metrics.h"
#include "server/model/lock_limits.h"
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
    other_registry_ = std::make_unique<sync::SyncRegistry>(
        context, sync::StartLimits{TargetSchema(), ledger_->schema()});
  }

  void TearDown() override {
    if (registry_ != nullptr) Execute("DROP SCHEMA IF EXISTS " + TargetSchema() + " CASCADE");
    PostgresTest::TearDown();
  }

  std::string TargetSchema() const { return schema() + "_tables"; }

  static sync::StartRequest Request(const std::string& sync_id,
                                    const std::vector<std::string>& streams) {
    sync::StartRequest request;
    request.sync_id = sync_id;
    request.digest = sync_id;
    for (const std::string& name : streams) {
      StreamConfig stream;
      stream.descriptor = {"", name};
      stream.json_schema = R"({"properties":{"id":{"type":"integer"}}})";
      request.streams.push_back(stream);
    }
    return request;
  }

  void Start(const std::string& sync_id, const std::vector<std::string>& streams) {
    ASSERT_OK(registry_->Start(Request(sync_id, streams)));
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
  std::unique_ptr<sync::SyncRegistry> other_registry_;  // that of another replica
};

// The first start waits for a table lock. A second one neither waits nor takes a connection.
TEST_F(SyncRegistryTest, SecondStartOfASyncIsRefusedAtOnce) {
  ASSERT_NO_FATAL_FAILURE(Start("before", {"users"}));
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute("LOCK TABLE " + TargetSchema() + ".users IN ACCESS EXCLUSIVE MODE"));
  const Thread first("first", [&] { Start("twice", {"users"}); });
  while (QueryInt("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '" +
                  TargetSchema() + ".users'::regclass") == 0) {
    continue;
  }
  const absl::Status second = registry_->Start(Request("twice", {"users"})).status();
  EXPECT_THAT(second, StatusIs(StatusCode::kUnavailable, "START_IN_PROGRESS"));
  EXPECT_TRUE(GetDetail(second).retry_after.has_value());
  ASSERT_OK(locker->Commit());
}

// The start waits for another session that creates the same table.
TEST_F(SyncRegistryTest, CancelInterruptsAStart) {
  ASSERT_NO_FATAL_FAILURE(Start("before", {"users"}));
  const auto creator = Connect();
  ASSERT_OK(creator->Begin());
  ASSERT_OK(creator->Execute("CREATE TABLE " + TargetSchema() + ".fresh (id bigint)"));
  const absl::Time began = absl::Now();
  absl::Status started;
  auto start = std::make_unique<Thread>(
      "start", [&] { started = registry_->Start(Request("cancelled", {"fresh"})).status(); });
  while (QueryInt("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                  "datname = current_database()") == 0) {
    continue;
  }
  EXPECT_OK(registry_->Cancel("cancelled").status());
  start.reset();
  EXPECT_LT(absl::Now() - began, kDefaultLockDeadline / 2);
  EXPECT_THAT(started, StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  ASSERT_OK(creator->Commit());
}

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

// Nothing keeps a sync that has ended, so it may be removed while it is looked up.
TEST_F(SyncRegistryTest, SyncIsFoundWhileItIsForgotten) {
  Start("nightly", {"users"});
  ASSERT_OK(Complete("nightly", "users"));
  std::atomic<bool> found = false;
  const Thread sweeper("sweeper", [&] {
    while (!found) registry_->ForgetIdle(absl::Hours(1));
  });
  for (int n = 0; n < 200; ++n) EXPECT_OK(registry_->FindStream("nightly", {"", "users"}).status());
  found = true;
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

// It would take a thread that short completions need.
TEST_F(SyncRegistryTest, MarkingThatAnotherReplicaAddedIsKnown) {
  const CompletionRequest complete = {true, std::nullopt};
  Start("plain", {"users"});
  ASSERT_OK_AND_ASSIGN(bool moves_rows, registry_->MovesRows("plain", {"", "users"}, complete));
  EXPECT_FALSE(moves_rows);
  sync::StartRequest request = Request("extended", {"people"});
  request.extend = true;
  StreamConfig& stream = request.streams[0];
  stream.json_schema = R"({"properties":{"gone":{"type":"string","format":"date-time"}}})";
  ASSERT_OK(registry_->Start(request));
  ASSERT_OK_AND_ASSIGN(moves_rows, registry_->MovesRows("extended", {"", "people"}, complete));
  EXPECT_FALSE(moves_rows);
  stream.older_generations = OlderGenerations::kMarkDeleted;
  stream.deleted_at_column = "gone";
  ASSERT_OK(other_registry_->Start(request));
  ASSERT_OK_AND_ASSIGN(moves_rows, registry_->MovesRows("extended", {"", "people"}, complete));
  EXPECT_TRUE(moves_rows);
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
