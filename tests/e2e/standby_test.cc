// A synchronous standby is absent: COMMIT waits for it, and succeeds without it if an administrator
// cancels the wait. Nothing of that is acknowledged.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

class StandbyTest : public WithOwnCluster<ServerTest> {
 protected:
  void Require(const std::string& standby) {
    Execute(absl::StrCat("ALTER SYSTEM SET synchronous_standby_names = '", standby, "'"));
    Execute("SELECT pg_reload_conf()");
    ASSERT_TRUE(
        Eventually([&] { return QueryValue("SHOW synchronous_standby_names") == standby; }));
  }
  // Cancels all COMMITs that wait for the standby, as an administrator would.
  int64_t CancelCommits() {
    return QueryInt(
        "SELECT count(*) FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep') c");
  }
  // Starts the sync "waits" and sends 100 records and a checkpoint, which the standby does not get.
  void SendToTheAbsentStandby(std::unique_ptr<client::RecordsCall>* call) {
    ASSERT_OK(client_->StartSync(OneStream("waits", "rows")));
    ASSERT_NO_FATAL_FAILURE(Require("absent"));
    *call = client_->StreamRecords();
    ASSERT_TRUE((*call)->Write(Header("waits", "rows")));
    ASSERT_TRUE((*call)->Write(Batch(0, 100)));
    ASSERT_TRUE((*call)->Write(CheckpointOf("first", "state")));
  }
  // Returns whether a checkpoint is announced before the watch ends.
  static bool ReadsCheckpoint(client::WatchCall& watch) {
    v1::WatchSyncResponse event;
    while (watch.Read(&event)) {
      if (event.has_checkpoint_committed()) return true;
    }
    return false;
  }
  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))); }
};

TEST_F(StandbyTest, CancelledWaitAcknowledgesNothing) {
  std::unique_ptr<client::RecordsCall> call;
  ASSERT_NO_FATAL_FAILURE(SendToTheAbsentStandby(&call));
  ASSERT_TRUE(Eventually([&] { return CancelCommits() > 0; }));
  call.reset();  // the caller is gone
  // The rows are visible, but a failover may lose them. The commits that would confirm them are
  // cancelled, too.
  ASSERT_TRUE(Eventually([&] { return Rows() == 100; }));
  auto resumed = std::async(
      std::launch::async, [&] { return server_->Client()->StartSync(OneStream("waits", "rows")); });
  auto repeated = std::async(std::launch::async,
                             [&] { return Send(*server_->Client(), "waits", "rows", 0, 100); });
  const absl::Time until = absl::Now() + absl::Seconds(2);
  while (absl::Now() < until) CancelCommits();
  const bool acknowledged =
      repeated.wait_for(std::chrono::seconds(0)) == std::future_status::ready &&
      repeated.get().ok();
  EXPECT_FALSE(acknowledged) << "offsets that are not durable were acknowledged";
  if (resumed.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    EXPECT_THAT(resumed.get().status(), StatusIs(absl::StatusCode::kUnavailable));
  }
  ASSERT_NO_FATAL_FAILURE(Require(""));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started,
                       client_->StartSync(OneStream("waits", "rows")));
  EXPECT_EQ(started.streams(0).writers(0).durable_offset(), 100);
  ASSERT_OK(Send(*client_, "waits", "rows", 100, 200));
  EXPECT_OK(client_->CompleteStream(Completion("waits", "rows")));
  EXPECT_EQ(Rows(), 200);
}

// The stream is being completed, so a repeated call commits nothing that would confirm its records.
TEST_F(StandbyTest, RepeatedCallWaitsForTheStandby) {
  std::unique_ptr<client::RecordsCall> call;
  ASSERT_NO_FATAL_FAILURE(SendToTheAbsentStandby(&call));
  ASSERT_TRUE(Eventually([&] { return CancelCommits() > 0; }));
  call.reset();  // the caller is gone
  std::atomic<bool> enough = false;
  auto completing = std::async(std::launch::async, [&] {
    const auto client = server_->Client();
    while (!enough) client->CompleteStream(Completion("waits", "rows")).IgnoreError();
  });
  EXPECT_TRUE(Eventually([&] {
    CancelCommits();
    return QueryValue(absl::StrCat("SELECT state FROM ", LedgerTable("stream"))) == "finalizing";
  }));
  enough = true;
  auto repeated = std::async(std::launch::async,
                             [&] { return Send(*server_->Client(), "waits", "rows", 0, 100); });
  const absl::Time until = absl::Now() + absl::Seconds(2);
  while (absl::Now() < until) CancelCommits();
  const bool acknowledged =
      repeated.wait_for(std::chrono::seconds(0)) == std::future_status::ready &&
      repeated.get().ok();
  EXPECT_FALSE(acknowledged) << "offsets that are not durable were acknowledged";
  ASSERT_NO_FATAL_FAILURE(Require(""));
  completing.wait();
  EXPECT_OK(client_->CompleteStream(Completion("waits", "rows")));
  EXPECT_EQ(Rows(), 100);
}

TEST_F(StandbyTest, WatchAnnouncesOnlyDurableCheckpoints) {
  std::unique_ptr<client::RecordsCall> call;
  ASSERT_NO_FATAL_FAILURE(SendToTheAbsentStandby(&call));
  const auto watch = client_->WatchSync("waits", 0);
  auto announced = std::async(std::launch::async, [&] { return ReadsCheckpoint(*watch); });
  const absl::Time until = absl::Now() + absl::Seconds(3);
  while (absl::Now() < until) CancelCommits();
  EXPECT_EQ(Rows(), 100) << "the commit must be visible";
  const bool early =
      announced.wait_for(std::chrono::seconds(0)) == std::future_status::ready && announced.get();
  EXPECT_FALSE(early) << "a checkpoint that is not durable was announced";
  watch->Cancel();
  ASSERT_NO_FATAL_FAILURE(Require(""));
  EXPECT_TRUE(ReadsCheckpoint(*client_->WatchSync("waits", 0)));
}

// One thread reads for all watches, so none waits for the standby without limit.
TEST_F(StandbyTest, WatchesEndWithoutTheStandby) {
  ASSERT_OK(client_->StartSync(OneStream("before", "others")));
  const auto earlier = client_->StreamRecords();
  ASSERT_TRUE(earlier->Write(Header("before", "others")));
  ASSERT_TRUE(earlier->Write(Batch(0, 10)));
  ASSERT_TRUE(earlier->Write(CheckpointOf("only", "state")));
  ASSERT_OK(earlier->Finish());
  ASSERT_NO_FATAL_FAILURE(Require("absent"));
  const auto watch = client_->WatchSync("before", 0);
  auto ended = std::async(std::launch::async, [&] {
    EXPECT_FALSE(ReadsCheckpoint(*watch));
    return watch->Finish();
  });
  const bool in_time = ended.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  EXPECT_TRUE(in_time);
  if (!in_time) watch->Cancel();
  EXPECT_THAT(ended.get(), StatusIs(absl::StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_LE(QueryInt("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), 1)
      << "waits that were given up stay in the database";
  ASSERT_NO_FATAL_FAILURE(Require(""));
  EXPECT_TRUE(ReadsCheckpoint(*client_->WatchSync("before", 0)));
}

// A server with a new ledger, which it has to create.
TEST_F(StandbyTest, ServerStartsWithoutTheStandby) {
  ASSERT_NO_FATAL_FAILURE(Require("absent"));
  ServerProcessOptions options = ServerOptions();
  options.ledger_schema = ledger() + "_new";
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ServerProcess> server, ServerProcess::Start(options));
  EXPECT_EQ(server->HttpStatus("/readyz"), 200);
  EXPECT_OK(server->Client()->ListSyncs({}));
  ASSERT_NO_FATAL_FAILURE(Require(""));
}

}  // namespace
}  // namespace syncline::testing
