// Lane: an ordered queue of work of one stream on the shared thread pool.
//
// A lane runs on one thread at a time and returns it after each batch, so that streams share the
// pool fairly. That is a thread of the pool, except for what does not block and takes less time
// than to wake one (decision 0056): the thread that queues a small batch may parse it, and that of
// a group commit reports a block that is committed. A lane owns one Aggregate. It parses its
// batches and flushes when the buffer is full, on request, when the data reaches an age, or, if the
// server is configured so, when nothing is queued. A flush that must be tried again, because of
// another session's lock or of the database, parks the lane: it keeps its block, gives its thread
// back and comes again after a pause. A small block that waits for its group commit parks it, too,
// until that commit is over. Several lanes of one stream work at the same time and commit out of
// order; the ledger reconciles the ranges.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/delayed_tasks.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/dataflow/aggregate.h"
#include "server/dataflow/batch.h"
#include "server/write/load/flush_interrupt.h"

namespace syncline::dataflow {

// Dependencies and counters shared by all lanes of a server. Every pointer must outlive them.
struct LaneContext {
  // Runs the lanes; those of one stream are a group.
  ThreadPool* pool = nullptr;
  // Wakes parked lanes.
  DelayedTasks* delayed = nullptr;
  MemoryBudget* budget = nullptr;
  // Receives the string buffers of parsed batches for reuse.
  FreeStrings* texts = nullptr;
  // A lane flushes when it holds this many bytes, or fewer when many lanes hold data: a lane's
  // limit is at most its share of half of the budget, so that there is room for the batch that
  // fills the next lane.
  int64_t flush_bytes = 0;
  // The same for a table that Citus distributes: a commit there is one on every shard, in two
  // phases.
  int64_t distributed_flush_bytes = 0;
  // A lane that holds data and has nothing queued flushes at once. What arrives during a commit is
  // committed together by the next one, so blocks are large under load.
  bool flush_when_idle = false;
  // Number of lanes that hold data.
  std::atomic<int64_t> filled_lanes = 0;
  // Number of owners that have queued batches.
  std::atomic<int64_t> busy_owners = 0;
};

class Lane;

// What a flush of a lane has to do.
struct FlushPlan {
  // False if the lane holds no rows and no checkpoint is due: nothing is committed.
  bool needed = false;
  // The checkpoints that the commit may make durable. Called without the lane's lock.
  write::DueCheckpoints checkpoints;
  // The call is ending, and the lane holds its last uncommitted rows: the commit also releases the
  // writer.
  bool ends_call = false;
};

// Receives a lane's callbacks, on the threads that a lane runs on and without the lane's lock,
// except Self. They must not block.
class LaneOwner {
 public:
  virtual ~LaneOwner() = default;
  // Returns a reference that keeps the owner, and with it the lane, alive while a task is queued.
  // Called with the lane's lock held.
  virtual std::shared_ptr<LaneOwner> Self() = 0;
  // Plans a flush of `lane`. `holds_rows`: its buffer is not empty. `is_last`: nothing follows the
  // flush, neither in the lane's queue nor of a batch that is parsed in part.
  virtual FlushPlan PlanFlush(const Lane& lane, bool holds_rows, bool is_last) = 0;
  // A batch of `bytes` bytes was parsed; `bytes` is 0 for all but its last piece.
  virtual void OnAccepted(const Accepted& accepted, int64_t bytes) = 0;
  // Another session's lock stops a flush whose attempt began at `since`.
  virtual void OnLocked(absl::Time since) = 0;
  // The lock no longer stops it.
  virtual void OnUnlocked() = 0;
  // A flush was committed.
  virtual void OnFlushed(const write::FlushResult& flushed) = 0;
  // The lane has failed. It drops what it holds and everything that follows.
  virtual void OnFailed(const absl::Status& status) = 0;
  // The lane has no work left.
  virtual void OnIdle() = 0;
};

// Thread-safe.
class Lane {
 public:
  // A batch of up to this size that is to be committed at once is parsed by the thread that queues
  // it, if the lane is idle.
  static constexpr int64_t kMaxCallersBytes = 8 << 10;

  // `context` and `owner` must outlive the lane. `stream_no` is the stream's number in the ledger.
  Lane(LaneContext* context, LaneOwner* owner, int64_t stream_no,
       std::unique_ptr<Aggregate> aggregate);
  // Must not be destroyed while work is queued.
  ~Lane();

  // Queues a batch whose bytes the caller has acquired from the budget and, if it has `flush`, a
  // flush after it. Does not block. If the lane is idle and the batch small, the calling thread
  // parses it and hands its rows in for the commit, so that callbacks come from it, too.
  void Enqueue(Batch batch);
  // Queues a flush after everything that is queued now.
  void RequestFlush();
  // Requests a flush if the lane has held data for at least `age`.
  void FlushOlderThan(absl::Duration age);
  // Requests a flush if the lane holds data and is idle, because others wait for its memory.
  void FlushIdle();
  // Drops the queued and held data, and ends a running flush unless it is in COMMIT. Does not
  // block.
  void Cancel();

  // Returns whether nothing is queued, running or parked.
  bool idle() const;
  // Returns whether anything is queued, running or held.
  bool has_work() const;
  // Returns the number of queued bytes that are not parsed yet.
  int64_t queued_bytes() const;
  // Returns the number of bytes of rows that are not committed yet, and of a batch the rest of
  // which is parsed after their commit.
  int64_t held_bytes() const { return held_bytes_ + unparsed_bytes_; }
  // Returns the arrival of the oldest batch with uncommitted records, as Batch::arrival_us, or
  // nullopt if there is none.
  std::optional<int64_t> oldest_arrival_us() const;

 private:
  // What a task has to do, besides batch_ and the flushes.
  struct Work {
    bool cancelled = false;
    int64_t dropped_bytes = 0;  // of the queue of a cancelled lane
  };
  // The pause before a flush is tried again, zero if the next task goes on with it, infinite until
  // Unpark; nullopt if no flush is in progress.
  using Pause = std::optional<absl::Duration>;

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Post();
  void Park(absl::Duration pause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the pause of this number, unless it has ended already. If it has not begun yet, it ends at
  // once.
  void Unpark(int64_t pause_number);
  void UnparkLocked(int64_t pause_number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns what ends the pause that the next task may begin, when its group commit is over.
  write::GroupCommit::Resume MakeResume();
  // Ends the pause of this number as Unpark does. If the block is committed, reports it on the
  // calling thread: to wake another thread takes longer than that.
  void Resume(int64_t pause_number, bool committed);
  // Runs one task. With `may_block` false, what would wait is left to the next task.
  void RunOne(bool may_block);
  Work TakeWork();
  // Takes a flush from the front of the queue.
  void TakeFlush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether the task must flush after what it has parsed.
  bool IsFlushDue();
  // Posts the next task, parks the lane, or makes it idle.
  void EndTask(const Work& work, Pause pause);
  Pause Accept(bool may_block);
  void RecycleBuffer(v1::RecordBatch* records);
  Pause BeginFlush(bool may_block);
  Pause TryFlush();
  Pause EndAttempt(const write::FlushAttempt& attempt, absl::Time begun);
  void Fail(const absl::Status& status);
  void DropHeld();
  bool IsQueueEmpty() const;
  // Returns the number of buffered bytes at which the lane flushes.
  int64_t FullBytes() const;
  void SetFilled(bool filled);

  LaneContext* const context_;
  LaneOwner* const owner_;
  const uint64_t group_;
  const std::shared_ptr<write::FlushInterrupt> interrupt_;

  // Used only by the running task.
  std::unique_ptr<Aggregate> aggregate_;
  std::optional<Batch> batch_;     // parsed in part
  std::optional<FlushPlan> plan_;  // of the flush in progress
  bool flush_due_ = false;         // once batch_ is parsed and plan_ is done
  bool locked_ = false;            // as reported to the owner
  bool failed_ = false;

  std::atomic<int64_t> held_bytes_ = 0;      // charged to the budget for the buffer
  std::atomic<int64_t> unparsed_bytes_ = 0;  // those of batch_, while its first rows are committed
  mutable Mutex mutex_;
  std::deque<std::optional<Batch>> queue_ ABSL_GUARDED_BY(mutex_);  // nullopt: a flush
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t queued_flushes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;  // a task is posted, runs or is parked
  bool parked_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t pauses_ ABSL_GUARDED_BY(mutex_) = 0;           // the number of the latest one
  bool unparked_early_ ABSL_GUARDED_BY(mutex_) = false;  // before it began
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool filled_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // a batch is being parsed, or is in part
  // Arrival of the oldest batch that is held or being parsed.
  int64_t oldest_arrival_us_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time filled_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::dataflow
