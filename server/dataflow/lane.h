// Lane: one ordered queue of work of a stream on the shared pool.
//
// A lane runs on one pool thread at a time and gives the thread back after each batch, so that
// streams share the pool fairly. It owns one Aggregate: it parses the batches it is given and
// flushes when its buffer is full, when it is asked to, or when the data gets old. Several lanes of
// one stream work at once and commit out of order; the ledger puts that right.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/dataflow/aggregate.h"
#include "server/dataflow/batch.h"

namespace syncline::dataflow {

// What the lanes of one server share. All pointers outlive the lanes.
struct LaneContext {
  ThreadPool* pool = nullptr;
  MemoryBudget* budget = nullptr;
  // Takes the texts of batches that are parsed.
  FreeTexts* texts = nullptr;
  // A lane flushes when it holds this much, or less when many lanes hold data: together they never
  // hold more than half of the budget, so that there is always room for the batch that fills the
  // next one.
  int64_t flush_bytes = 0;
  // Lanes that hold data now.
  std::atomic<int64_t> filled_lanes = 0;
  // Owners that have batches queued now.
  std::atomic<int64_t> busy_owners = 0;
};

class Lane;

// Whoever the lane works for. Called on pool threads, without the lane's lock.
class LaneOwner {
 public:
  virtual ~LaneOwner() = default;
  // Keeps the owner, and so the lane, alive while a task is queued.
  virtual std::shared_ptr<LaneOwner> Self() = 0;
  // Checkpoints that the next commit may make durable.
  virtual std::vector<PendingCheckpoint> Checkpoints() = 0;
  // True when one of them only waits for a commit: all its records are durable.
  virtual bool HasDueCheckpoint() = 0;
  // True when the owner ends and nothing of it is left but what `lane`, which has nothing queued,
  // is about to commit: that commit closes the writer, too.
  virtual bool EndsWith(const Lane& lane) = 0;
  // A batch of `bytes` was parsed.
  virtual void OnAccepted(const Accepted& accepted, int64_t bytes) = 0;
  virtual void OnFlushed(const write::FlushResult& flushed) = 0;
  // The lane does nothing more than drop what it is given.
  virtual void OnFailed(const absl::Status& status) = 0;
  // The lane has nothing to do.
  virtual void OnIdle() = 0;
};

class Lane {
 public:
  Lane(LaneContext* context, LaneOwner* owner, std::unique_ptr<Aggregate> aggregate);
  // Not while work is queued.
  ~Lane();

  // Queues a batch whose bytes the caller has acquired from the budget.
  void Enqueue(Batch batch);
  // Queues a flush behind what is queued now.
  void RequestFlush();
  // RequestFlush, when the lane has held data for longer than `age`.
  void FlushOlderThan(absl::Duration age);
  // RequestFlush, when the lane holds data and does nothing: others wait for its memory.
  void FlushIdle();
  // Drops what is queued and held; a flush that runs goes on to its end.
  void Cancel();

  // Nothing queued or running.
  bool idle() const;
  // Something queued, running or held.
  bool has_work() const;
  // Bytes queued, not yet parsed.
  int64_t queued_bytes() const;
  // When the oldest batch arrived whose records are not committed, as Batch::arrival_us; nullopt
  // when there is none.
  std::optional<int64_t> oldest_arrival_us() const;

 private:
  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunOne();
  void Accept(Batch batch);
  void GiveTextBack(v1::RecordBatch* records);
  void Flush();
  void Fail(const absl::Status& status);
  void DropHeld();
  bool NothingQueued() const;
  // A buffer with so many bytes is flushed.
  int64_t FullBytes() const;
  void NoteFilled(bool filled);

  LaneContext* const context_;
  LaneOwner* const owner_;

  // Only the running task.
  std::unique_ptr<Aggregate> aggregate_;
  int64_t held_bytes_ = 0;  // what the budget holds for the buffer
  bool failed_ = false;

  mutable Mutex mutex_;
  std::deque<std::optional<Batch>> queue_ ABSL_GUARDED_BY(mutex_);  // none: a flush
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t queued_flushes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool filled_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // a batch, into the buffer
  // When the oldest batch arrived that is held or read.
  int64_t oldest_arrival_us_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time filled_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::dataflow
