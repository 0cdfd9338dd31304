// Which thread reports a block that was committed together with others: the group's, without a
// thread of the pool, unless the lane has more to do.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "base/delayed_tasks.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/stop_signal.h"
#include "base/thread_pool.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/dataflow/lane.h"
#include "tests/component/group_commit_fixture.h"
#include "tests/support/id_batch.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

class Owner final : public dataflow::LaneOwner, public std::enable_shared_from_this<Owner> {
 public:
  std::shared_ptr<dataflow::LaneOwner> Self() override { return shared_from_this(); }
  dataflow::FlushPlan PlanFlush(const dataflow::Lane&, bool holds_rows, bool) override {
    dataflow::FlushPlan plan;
    plan.needed = holds_rows;
    return plan;
  }
  void OnAccepted(const dataflow::Accepted&, int64_t) override { ++accepted; }
  void OnLocked(absl::Time) override { ADD_FAILURE(); }
  void OnUnlocked() override {}
  void OnFlushed(const write::FlushResult& flushed) override {
    durable_offset = flushed.durable_offset;
    ++flushes;
  }
  void OnFailed(const absl::Status& status) override { ADD_FAILURE() << status; }
  void OnIdle() override { ++idle; }

  std::atomic<int> accepted = 0;
  std::atomic<int> flushes = 0;
  std::atomic<int> idle = 0;
  std::atomic<int64_t> durable_offset = 0;
};

class GroupReportTest : public GroupCommitTest {
 protected:
  void SetUp() override {
    GroupCommitTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    lanes_.pool = &threads_;
    lanes_.delayed = &delayed_;
    lanes_.budget = &budget_;
    lanes_.texts = &texts_;
    lanes_.flush_bytes = 1 << 20;
    const LoadedStream stream = StartStream("a");
    const WriterClaim claim = Warm(stream);
    OffsetRanges durable;
    durable.Add({0, 1});
    lane_ =
        std::make_unique<dataflow::Lane>(&lanes_, owner_.get(), stream.plan.stream_no,
                                         aggregates_.Create(stream.plan, "sync", claim, durable));
    Occupy();
  }
  void TearDown() override {
    if (lane_ != nullptr) lane_->Cancel();
    threads_.Shutdown();
    if (group_ != nullptr) group_->Stop();
    delayed_.Stop();
    lane_.reset();
    GroupCommitTest::TearDown();
  }

  void Send(int64_t begin, int64_t end, bool flush) {
    dataflow::Batch batch = MakeIdBatch(begin, end, flush);
    budget_.ForceAcquire(batch.bytes);
    lane_->Enqueue(std::move(batch));
  }
  void WaitFor(const std::atomic<int>& counter, int value) {
    while (counter < value) absl::SleepFor(absl::Milliseconds(1));
  }
  // Sends a block. When it is handed in, the only thread of the pool stops until proceed_ is set.
  void HandInAndStopThePool() {
    Send(1, 5, /*flush=*/true);
    WaitFor(owner_->accepted, 1);
    threads_.Post([this] {
      stopped_.Set();
      proceed_.Wait(absl::InfiniteDuration());
    });
    stopped_.Wait(absl::InfiniteDuration());
  }

  StopSignal stopped_;
  StopSignal proceed_;
  FreeStrings texts_{1 << 20};
  MemoryBudget budget_{16 << 20};
  DelayedTasks delayed_;
  dataflow::LaneContext lanes_;
  dataflow::AggregateFactory aggregates_{&load_, 1 << 20};
  const std::shared_ptr<Owner> owner_ = std::make_shared<Owner>();
  std::unique_ptr<dataflow::Lane> lane_;
  ThreadPool threads_{"load", 1};
};

TEST_F(GroupReportTest, CommittedBlockNeedsNoThreadOfThePool) {
  HandInAndStopThePool();
  EXPECT_EQ(owner_->flushes, 0);
  Release();
  WaitFor(owner_->idle, 1);
  EXPECT_EQ(owner_->flushes, 1);
  EXPECT_EQ(owner_->durable_offset, 5);
  EXPECT_EQ(lane_->held_bytes(), 0);
  EXPECT_EQ(budget_.held_bytes(), 0);
  EXPECT_TRUE(lane_->idle());
  EXPECT_FALSE(lane_->has_work());
  proceed_.Set();
  // The lane goes on as usual.
  Send(5, 9, /*flush=*/true);
  WaitFor(owner_->idle, 2);
  EXPECT_EQ(owner_->durable_offset, 9);
  EXPECT_EQ(CountIds("a"), 9);
}

TEST_F(GroupReportTest, BatchesThatFollowAreParsedByThePool) {
  HandInAndStopThePool();
  Send(5, 9, /*flush=*/true);
  Release();
  WaitFor(owner_->flushes, 1);
  EXPECT_EQ(owner_->durable_offset, 5);
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(owner_->accepted, 1) << "a thread of the group has parsed";
  EXPECT_FALSE(lane_->idle());
  proceed_.Set();
  WaitFor(owner_->idle, 1);
  EXPECT_EQ(owner_->flushes, 2);
  EXPECT_EQ(owner_->durable_offset, 9);
  EXPECT_EQ(CountIds("a"), 9);
}

TEST_F(GroupReportTest, CancelledLaneReportsNothing) {
  HandInAndStopThePool();
  lane_->Cancel();
  Release();
  absl::SleepFor(absl::Milliseconds(20));
  proceed_.Set();
  WaitFor(owner_->idle, 1);
  EXPECT_EQ(owner_->flushes, 0);
  EXPECT_EQ(budget_.held_bytes(), 0);
}

}  // namespace
}  // namespace syncline::testing
