// A lane whose flushes fail, because no database can be reached: it keeps its block and holds no
// thread.
#include "server/dataflow/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/delayed_tasks.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/monotonic_time.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "base/thread_pool.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/load/group_commit.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/load/statement_tables.h"
#include "tests/support/id_batch.h"
#include "tests/support/silent_database.h"

namespace syncline::dataflow {
namespace {

class Owner final : public LaneOwner, public std::enable_shared_from_this<Owner> {
 public:
  std::shared_ptr<LaneOwner> Self() override { return shared_from_this(); }
  FlushPlan PlanFlush(const Lane&, bool holds_rows, bool is_last) override {
    ++plans;
    last_plans += is_last ? 1 : 0;
    FlushPlan plan;
    plan.needed = holds_rows;
    return plan;
  }
  void OnAccepted(const Accepted&, int64_t) override {}
  void OnLocked(absl::Time) override {}
  void OnUnlocked() override {}
  void OnFlushed(const write::FlushResult&) override { ADD_FAILURE(); }
  void OnFailed(const absl::Status& status) override {
    MutexLock lock(&mutex_);
    failure_ = status;
  }
  void OnIdle() override { ++idle; }

  absl::Status failure() const {
    MutexLock lock(&mutex_);
    return failure_;
  }

  std::atomic<int> plans = 0;
  std::atomic<int> last_plans = 0;
  std::atomic<int> idle = 0;

 private:
  mutable Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() {
    load_.connections = &connections_;
    load_.committer = &committer_;
    load_.blocks = &blocks_;
    load_.locked = &locked_;
    load_.stopping = [] { return false; };
    lanes_.pool = &pool_;
    lanes_.delayed = &delayed_;
    lanes_.budget = &budget_;
    lanes_.texts = &texts_;
    lanes_.flush_bytes = 1 << 20;
    plan_.stream_no = 1;
    plan_.descriptor = {"n", "t"};
    plan_.table = {"n", "t"};
    plan_.schema.columns.push_back({"id", "id", ColumnType::kBigint});
    lane_ = MakeLane();
  }
  ~LaneTest() override {
    lane_->Cancel();
    pool_.Shutdown();
    delayed_.Stop();
  }

  std::unique_ptr<Lane> MakeLane() {
    const WriterClaim claim = {1, 1, "w", 1};
    return std::make_unique<Lane>(&lanes_, owner_.get(), plan_.stream_no,
                                  aggregates_.Create(plan_, "sync", claim, OffsetRanges()));
  }

  static postgres::ConnectionOptions NoDatabase() {
    postgres::ConnectionOptions options;
    options.conninfo = "host=/nonexistent user=u dbname=d";
    return options;
  }

  // Returns a batch of records that are much smaller than their rows. Its bytes are acquired.
  Batch MakeEmptyRecords(int64_t records) {
    auto message = std::make_unique<v1::RecordBatch>();
    for (int64_t n = 0; n < records; ++n) absl::StrAppend(message->mutable_jsonl(), "{}\n");
    Batch batch;
    batch.offsets = {0, records};
    batch.payload_bytes = static_cast<int64_t>(message->ByteSizeLong());
    batch.bytes = batch.payload_bytes;
    batch.records = std::move(message);
    budget_.ForceAcquire(batch.bytes);
    return batch;
  }

  void Send(int64_t first, int64_t records, bool flush = false) {
    Batch batch = testing::MakeIdBatch(first, first + records, flush);
    budget_.ForceAcquire(batch.bytes);
    lane_->Enqueue(std::move(batch));
  }

  // Runs `queue`, all of whose work the lane then finds at once.
  void QueueTogether(absl::FunctionRef<void()> queue) {
    Mutex mutex;
    CondVar opened;
    bool open = false;
    pool_.Post([&] {
      MutexLock lock(&mutex);
      while (!open) opened.Wait(&mutex);
    });
    queue();
    {
      MutexLock lock(&mutex);
      open = true;
      opened.NotifyAll();
    }
    RunOther();
  }

  // Runs a task on the only thread and waits for it, so that all earlier tasks have run.
  void RunOther() {
    Mutex mutex;
    CondVar changed;
    bool ran = false;
    pool_.Post([&] {
      MutexLock lock(&mutex);
      ran = true;
      changed.NotifyAll();
    });
    MutexLock lock(&mutex);
    while (!ran) changed.Wait(&mutex);
  }

  postgres::ConnectionPool connections_{NoDatabase()};
  postgres::Ledger ledger_{"ledger"};
  postgres::DataCommitter committer_{ledger_};
  FreeBlocks blocks_{1 << 20};
  FreeStrings texts_{1 << 20};
  write::LockedTables locked_{1};
  write::LoadContext load_;
  AggregateFactory aggregates_{&load_, 1 << 20};
  MemoryBudget budget_{16 << 20};
  DelayedTasks delayed_;
  LaneContext lanes_;
  StreamPlan plan_;
  const std::shared_ptr<Owner> owner_ = std::make_shared<Owner>();
  std::unique_ptr<Lane> lane_;
  ThreadPool pool_{"load", 1};
};

TEST_F(LaneTest, ParkedLaneHoldsNoThread) {
  QueueTogether([&] {
    Send(0, 10);
    lane_->RequestFlush();
  });
  RunOther();
  EXPECT_FALSE(lane_->idle());
  EXPECT_TRUE(lane_->has_work());
  EXPECT_GT(lane_->held_bytes(), 0);
  EXPECT_EQ(budget_.held_bytes(), lane_->held_bytes());
  EXPECT_EQ(owner_->plans, 1);
  // Nothing happens until the pause is over, and then the same flush is tried again.
  for (int attempt = 0; attempt < 3; ++attempt) {
    absl::SleepFor(absl::Milliseconds(250));
    delayed_.RunDue();
    RunOther();
    RunOther();
  }
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_EQ(owner_->idle, 0);
  EXPECT_TRUE(owner_->failure().ok());
}

TEST_F(LaneTest, ParkedLaneQueuesBatches) {
  QueueTogether([&] {
    Send(0, 10);
    lane_->RequestFlush();
  });
  RunOther();
  const int64_t held = lane_->held_bytes();
  Send(10, 10);
  RunOther();
  EXPECT_EQ(lane_->held_bytes(), held);
  EXPECT_GT(lane_->queued_bytes(), 0);
  EXPECT_EQ(budget_.held_bytes(), held + lane_->queued_bytes());
}

TEST_F(LaneTest, CancelEndsThePause) {
  QueueTogether([&] {
    Send(0, 10);
    lane_->RequestFlush();
    Send(10, 10);
  });
  RunOther();
  EXPECT_FALSE(lane_->idle());
  lane_->Cancel();
  RunOther();
  RunOther();
  EXPECT_TRUE(lane_->idle());
  EXPECT_EQ(owner_->idle, 1);
  EXPECT_EQ(budget_.held_bytes(), 0);
  // The pause's own end has no effect.
  absl::SleepFor(absl::Milliseconds(60));
  delayed_.RunDue();
  RunOther();
  EXPECT_EQ(owner_->idle, 1);
}

// The lane's small blocks wait for a commit together with others until the silent database closes.
class GroupedLaneTest : public LaneTest {
 protected:
  GroupedLaneTest() {
    load_.retry_for = absl::ZeroDuration();
    load_.statements = &statements_;
    load_.group = &group_;
    statements_.Get(committer_.quoted_schema(), plan_.load_table(), plan_.schema, MonotonicNow())
        ->set_use({.alone = true, .grouped = true}, MonotonicNow());
    lane_ = MakeLane();
    occupant_ = std::make_unique<Thread>("occupant", [this] {
      group_.Add(std::make_shared<write::GroupMember>(write::GroupMember::Key(0, "", 0),
                                                      postgres::Statement{"SELECT 1", {}}),
                 [](write::GroupResult) {});
    });
    silent_.WaitForConnection();
    Send(0, 10, /*flush=*/true);
    RunOther();
    RunOther();
  }
  ~GroupedLaneTest() override {
    lane_->Cancel();
    RunOther();
    RunOther();
    Release();
  }

  // Lets the commits of groups fail.
  void Release() {
    silent_.Close();
    occupant_.reset();
    group_.Stop();
  }

  testing::SilentDatabase silent_;
  write::StatementTables statements_;
  postgres::ConnectionPool group_connections_{silent_.options()};
  write::GroupCommit group_{&group_connections_, /*max_groups=*/1};
  std::unique_ptr<Thread> occupant_;
};

TEST_F(GroupedLaneTest, LaneThatWaitsForAGroupHoldsNoThread) {
  EXPECT_FALSE(lane_->idle());
  EXPECT_GT(lane_->held_bytes(), 0);
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_TRUE(owner_->failure().ok());
  // Nothing but the group's commit wakes it.
  absl::SleepFor(absl::Milliseconds(100));
  delayed_.RunDue();
  RunOther();
  EXPECT_EQ(owner_->idle, 0);
  // The group fails, and then the lane's own attempt.
  Release();
  for (int task = 0; task < 3; ++task) RunOther();
  EXPECT_TRUE(absl::IsUnavailable(owner_->failure())) << owner_->failure();
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_TRUE(lane_->idle());
}

TEST_F(GroupedLaneTest, CancelledLaneLeavesTheGroup) {
  lane_->Cancel();
  RunOther();
  RunOther();
  EXPECT_TRUE(lane_->idle());
  EXPECT_EQ(budget_.held_bytes(), 0);
  EXPECT_EQ(owner_.use_count(), 1) << "the group would keep the call";
  Release();
  RunOther();
  EXPECT_EQ(owner_->idle, 1);
}

TEST_F(LaneTest, BatchThatIsParsedInPartIsKept) {
  lanes_.flush_bytes = 0;
  Batch batch = MakeEmptyRecords(1000);
  batch.arrival_us = 17;
  const int64_t bytes = batch.bytes;
  lane_->Enqueue(std::move(batch));
  RunOther();
  RunOther();
  EXPECT_EQ(budget_.held_bytes(), lane_->held_bytes());
  EXPECT_GT(lane_->held_bytes(), 2 * bytes) << "the batch, and rows of more than its size";
  EXPECT_EQ(lane_->oldest_arrival_us(), 17);
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_EQ(owner_->last_plans, 0) << "records of the batch remain";
  lane_->Cancel();
  RunOther();
  RunOther();
  EXPECT_EQ(budget_.held_bytes(), 0);
}

TEST_F(LaneTest, RowsUseWhatIsChargedForThem) {
  Batch batch = MakeEmptyRecords(1000);
  batch.row_bytes = 1 << 20;
  budget_.ForceAcquire(batch.row_bytes);
  lane_->Enqueue(std::move(batch));
  RunOther();
  EXPECT_GT(lane_->held_bytes(), 0);
  EXPECT_LT(lane_->held_bytes(), 1 << 20);
  EXPECT_EQ(budget_.held_bytes(), lane_->held_bytes()) << "the rest is released";
}

TEST_F(LaneTest, RowsOfAPieceUseWhatIsChargedForThem) {
  lanes_.flush_bytes = 0;
  Batch batch = MakeEmptyRecords(1000);
  batch.row_bytes = 1 << 20;
  budget_.ForceAcquire(batch.row_bytes);
  const int64_t charged = batch.charged_bytes();
  lane_->Enqueue(std::move(batch));
  RunOther();
  RunOther();
  EXPECT_EQ(budget_.held_bytes(), charged);
  EXPECT_EQ(lane_->held_bytes(), charged) << "records of the batch remain";
  // A batch that waits is released with all that is charged.
  Batch waiting = MakeEmptyRecords(10);
  waiting.row_bytes = 1 << 20;
  budget_.ForceAcquire(waiting.row_bytes);
  lane_->Enqueue(std::move(waiting));
  lane_->Cancel();
  RunOther();
  RunOther();
  EXPECT_EQ(budget_.held_bytes(), 0);
}

TEST_F(LaneTest, CallerParsesASmallBatchOfAnIdleLane) {
  QueueTogether([&] {
    Send(0, 10, /*flush=*/true);
    EXPECT_GT(lane_->held_bytes(), 0);
    EXPECT_EQ(lane_->queued_bytes(), 0);
    EXPECT_EQ(owner_->plans, 1);
    EXPECT_FALSE(lane_->idle()) << "the flush may block, so it is left to the pool";
    const int64_t held = lane_->held_bytes();
    Send(10, 10, /*flush=*/true);
    EXPECT_EQ(lane_->held_bytes(), held) << "the lane is not idle";
    EXPECT_GT(lane_->queued_bytes(), 0);
  });
  EXPECT_EQ(owner_->plans, 1);
}

TEST_F(LaneTest, CallerParsesNoOtherBatches) {
  QueueTogether([&] {
    Send(0, 10);
    EXPECT_EQ(lane_->held_bytes(), 0) << "it is not to be committed at once";
  });
  RunOther();
  EXPECT_GT(lane_->held_bytes(), 0);
  EXPECT_EQ(owner_->plans, 0);
  QueueTogether([&] {
    Send(10, 2000, /*flush=*/true);
    EXPECT_EQ(owner_->plans, 0) << "it is large";
  });
}

TEST_F(LaneTest, BatchesThatAskForACommitShareIt) {
  QueueTogether([&] {
    Send(0, 2000, /*flush=*/true);
    Send(2000, 10, /*flush=*/true);
    Send(2010, 10);
  });
  for (int task = 0; task < 3; ++task) RunOther();
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_EQ(owner_->last_plans, 0) << "a batch is queued";
  EXPECT_GT(lane_->queued_bytes(), 0) << "the flush is in progress";
}

TEST_F(LaneTest, IdleLaneFlushesIfConfigured) {
  lanes_.flush_when_idle = true;
  QueueTogether([&] {
    Send(0, 10);
    Send(10, 10);
  });
  for (int task = 0; task < 3; ++task) RunOther();
  EXPECT_EQ(owner_->plans, 1);
  EXPECT_EQ(owner_->last_plans, 1) << "after the last batch that is queued";
}

TEST_F(LaneTest, LaneHoldsItsRowsOtherwise) {
  Send(0, 10);
  for (int task = 0; task < 2; ++task) RunOther();
  EXPECT_EQ(owner_->plans, 0);
  EXPECT_TRUE(lane_->idle());
  EXPECT_TRUE(lane_->has_work());
}

TEST_F(LaneTest, FlushFailsAtItsLimit) {
  load_.retry_for = absl::ZeroDuration();
  QueueTogether([&] {
    Send(0, 10);
    lane_->RequestFlush();
  });
  RunOther();
  EXPECT_TRUE(absl::IsUnavailable(owner_->failure())) << owner_->failure();
  EXPECT_EQ(budget_.held_bytes(), 0);
}

}  // namespace
}  // namespace syncline::dataflow
