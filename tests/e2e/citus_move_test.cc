// Loads into distributed tables while their shards move from worker to worker, and while another
// server loads into the same table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/thread.h"
#include "tests/e2e/citus_fault_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

constexpr int64_t kRecords = 3000;

class CitusMoveTest : public CitusFaultTest {
 protected:
  void SetUp() override {
    CitusFaultTest::SetUp();
    if (schema().empty()) return;
    server_ = StartFaultServer({"--swap_deadline=3s"});
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
  }

  // Returns the statement that moves some shard of the table, and those that are colocated, to the
  // other worker.
  static std::string MoveSql(const std::string& table, absl::string_view mode) {
    return absl::StrCat(
        "SELECT citus_move_shard_placement(p.shardid, p.nodename, p.nodeport, other.nodename,"
        " other.nodeport, '",
        mode,
        "') FROM (SELECT * FROM pg_dist_shard JOIN pg_dist_shard_placement USING (shardid) WHERE"
        " logicalrelid = '",
        table,
        "'::regclass ORDER BY random() LIMIT 1) p JOIN pg_dist_node other ON other.groupid <> 0"
        " AND other.nodeport <> p.nodeport");
  }

  // Calls CompleteStream in a thread.
  std::unique_ptr<Thread> CompleteInBackground(DeliveryHistory* history, absl::Status* status) {
    return std::make_unique<Thread>(
        "complete", [this, history, status] { *status = Complete(*client_, history).status(); });
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

TEST_F(CitusMoveTest, ShardsMoveDuringLoads) {
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  for (const DeliveryMode mode : {DeliveryMode::kAppend, DeliveryMode::kDedup,
                                  DeliveryMode::kReplace, DeliveryMode::kDedupReplace}) {
    histories.push_back(std::make_unique<DeliveryHistory>(
        DistributedStream(absl::StrCat("rows_", histories.size()), mode, 5 * kRecords)));
  }
  const auto loads = LoadAll(
      histories, {.servers = {server_->address()}, .seed = 1, .pause = absl::Milliseconds(100)},
      absl::Seconds(120));
  const std::unique_ptr<postgres::Connection> session = Session();
  ASSERT_NE(session, nullptr);
  int moved = 0;
  absl::Status failure;
  const auto all_over = [&] {
    return std::all_of(loads.begin(), loads.end(), [](const auto& load) { return load->over(); });
  };
  for (size_t i = 0; !all_over(); ++i) {
    // A move fails if the table is replaced meanwhile.
    const absl::Status status =
        session->Execute(MoveSql(histories[i % histories.size()]->stream().Table(),
                                 i / histories.size() % 2 == 0 ? "force_logical" : "block_writes"));
    if (status.ok()) ++moved;
    failure = status;
    // A swap does not get its locks while one move follows the other.
    absl::SleepFor(absl::Milliseconds(500));
  }
  for (const auto& load : loads) EXPECT_OK(load->Join());
  EXPECT_GE(moved, 4) << failure;
  ExpectLoaded(histories);
}

struct PausedEnd {
  const char* name;
  DeliveryMode mode;
  const char* failpoint;
};

class CitusMoveAtEndTest : public CitusMoveTest, public ::testing::WithParamInterface<PausedEnd> {};

TEST_P(CitusMoveAtEndTest, MoveWaitsForTheEnd) {
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  histories.push_back(std::make_unique<DeliveryHistory>(
      DistributedStream(absl::StrCat("rows_", GetParam().name), GetParam().mode, kRecords)));
  DeliveryHistory* const history = histories[0].get();
  ASSERT_OK(Start(*client_, *history));
  ASSERT_OK(Deliver(*client_, history, 0, kRecords));
  server_->Arm(GetParam().failpoint, FailpointAction::kPause);
  absl::Status completed;
  auto completion = CompleteInBackground(history, &completed);
  ASSERT_TRUE(server_->WaitForFailpoint(kPatience));
  std::atomic<bool> over = false;
  auto move = std::make_unique<Thread>("move", [&] {
    const std::unique_ptr<postgres::Connection> session = Session();
    // The shard may be one of the replaced table, which is gone when the move begins.
    session->Execute(MoveSql(history->stream().Table(), "block_writes")).IgnoreError();
    over = true;
  });
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_FALSE(over) << "a shard moved under an open transaction";
  server_->Disarm();
  completion.reset();
  move.reset();
  EXPECT_OK(completed);
  ExpectLoaded(histories);
}

INSTANTIATE_TEST_SUITE_P(
    Ends, CitusMoveAtEndTest,
    ::testing::Values(PausedEnd{"Merge", DeliveryMode::kDedup, failpoint::kMerged},
                      PausedEnd{"Swap", DeliveryMode::kReplace, failpoint::kSwapped}),
    [](const auto& end) { return std::string(end.param.name); });

// A move that began first is waited for, or the end is refused and can be repeated.
TEST_P(CitusMoveAtEndTest, EndWaitsForTheMove) {
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  histories.push_back(std::make_unique<DeliveryHistory>(
      DistributedStream(absl::StrCat("moved_", GetParam().name), GetParam().mode, kRecords)));
  DeliveryHistory* const history = histories[0].get();
  ASSERT_OK(Start(*client_, *history));
  ASSERT_OK(Deliver(*client_, history, 0, kRecords / 2));
  const std::unique_ptr<postgres::Connection> session = Session();
  ASSERT_NE(session, nullptr);
  ASSERT_OK(session->Begin());
  ASSERT_OK(session->Execute(MoveSql(history->stream().Table(), "block_writes")));
  absl::Status delivered;
  auto delivery = std::make_unique<Thread>(
      "deliver", [&] { delivered = Deliver(*client_, history, kRecords / 2, kRecords).status(); });
  absl::SleepFor(absl::Milliseconds(500));
  ASSERT_OK(session->Commit());
  delivery.reset();
  EXPECT_OK(delivered);

  ASSERT_OK(session->Begin());
  ASSERT_OK(session->Execute(MoveSql(history->stream().Table(), "block_writes")));
  const absl::Status locked = Complete(*client_, history).status();
  EXPECT_TRUE(IsRetryable(locked)) << locked;
  ASSERT_OK(session->Commit());
  Resume(history, {server_->address()});
  ExpectLoaded(histories);
}

// Two writers of one stream on two servers, for a table that is appended to and one that is
// replaced twice. No reader sees two generations.
TEST_F(CitusMoveTest, TwoServersLoadOneTable) {
  const auto other = StartFaultServer();
  ASSERT_NE(other, nullptr);
  const auto other_client = other->Client();
  Distribute("rows", "id bigint, name varchar");
  constexpr int64_t kHalf = 500;
  std::atomic<bool> stop = false;
  int64_t mixed = 0;
  int64_t reads = 0;
  auto reader = std::make_unique<Thread>("reader", [&] {
    const std::unique_ptr<postgres::Connection> session = Session();
    while (!stop) {
      const absl::StatusOr<postgres::Result> result = session->Query(
          absl::StrCat("SELECT count(DISTINCT _airbyte_generation_id) FROM ", Table("rows")), {});
      EXPECT_OK(result.status());
      if (!result.ok()) return;
      ++reads;
      if (result->Int(0, 0) > 1) ++mixed;
    }
  });
  for (int64_t generation = 1; generation <= 3; ++generation) {
    const std::string sync_id = absl::StrCat(schema(), generation);
    ASSERT_OK(client_->StartSync(Generation(sync_id, generation, generation == 1 ? 0 : generation))
                  .status());
    const auto write = [&](client::SyncClient& client, absl::string_view writer, int64_t begin) {
      for (int64_t at = 0; at < kHalf; at += 50) {
        v1::StreamRecordsRequest batch = Batch(begin + at, begin + at + 50);
        batch.mutable_batch()->set_first_offset(at);
        const std::unique_ptr<client::RecordsCall> call = client.StreamRecords();
        if (call->Write(Header(sync_id, "rows", writer))) call->Write(batch);
        EXPECT_OK(call->Finish().status());
      }
    };
    auto second = std::make_unique<Thread>("second", [&] { write(*other_client, "b", kHalf); });
    write(*client_, "a", 0);
    second.reset();
    EXPECT_OK(other_client->CompleteStream(Completion(sync_id, "rows")).status());
    EXPECT_EQ(
        Ask(absl::StrCat("SELECT count(*) || ' ' || count(DISTINCT id) FROM ", Table("rows"))),
        absl::StrCat(2 * kHalf, " ", 2 * kHalf));
  }
  stop = true;
  reader.reset();
  EXPECT_GT(reads, 0);
  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace syncline::testing
