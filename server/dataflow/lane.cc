#include "server/dataflow/lane.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"

namespace syncline::dataflow {
namespace {

// String buffers of at least this size are reused. It is the lower limit of the batch sizes that
// load fastest (decision 0003); for smaller buffers, malloc is as good.
constexpr size_t kMinRecycledBytes = 64 << 10;

}  // namespace

Lane::Lane(LaneContext* context, LaneOwner* owner, std::unique_ptr<Aggregate> aggregate)
    : context_(context), owner_(owner), aggregate_(std::move(aggregate)) {}

Lane::~Lane() { DropHeld(); }

void Lane::Enqueue(Batch batch) {
  MutexLock lock(&mutex_);
  queued_bytes_ += batch.bytes;
  queue_.emplace_back(std::move(batch));
  Schedule();
}

void Lane::RequestFlush() {
  MutexLock lock(&mutex_);
  if (!queue_.empty() && !queue_.back().has_value()) return;
  queue_.emplace_back(std::nullopt);
  ++queued_flushes_;
  Schedule();
}

void Lane::FlushOlderThan(absl::Duration age) {
  {
    MutexLock lock(&mutex_);
    // Requests one flush at a time, because a later one in the queue would postpone it.
    if (!filled_ || queued_flushes_ > 0 || absl::Now() - filled_since_ < age) return;
  }
  RequestFlush();
}

void Lane::FlushIdle() {
  {
    MutexLock lock(&mutex_);
    if (!filled_ || scheduled_) return;
  }
  RequestFlush();
}

void Lane::Cancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  Schedule();
}

bool Lane::idle() const {
  MutexLock lock(&mutex_);
  return !scheduled_;
}

bool Lane::has_work() const {
  MutexLock lock(&mutex_);
  return scheduled_ || filled_;
}

int64_t Lane::queued_bytes() const {
  MutexLock lock(&mutex_);
  return queued_bytes_;
}

std::optional<int64_t> Lane::oldest_arrival_us() const {
  MutexLock lock(&mutex_);
  if (filled_ || reading_) return oldest_arrival_us_;
  for (const std::optional<Batch>& batch : queue_) {
    if (batch.has_value()) return batch->arrival_us;
  }
  return std::nullopt;
}

bool Lane::IsQueueEmpty() const {
  MutexLock lock(&mutex_);
  return queue_.empty();
}

void Lane::Schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  context_->pool->Post([this, self = owner_->Self()] { RunOne(); });
}

void Lane::RunOne() {
  std::optional<Batch> batch;
  bool flush = false;
  bool cancelled = false;
  int64_t dropped_bytes = 0;
  // Take the next item from the queue, or empty the queue if the lane was cancelled.
  {
    MutexLock lock(&mutex_);
    cancelled = cancelled_;
    if (cancelled) {
      dropped_bytes = std::exchange(queued_bytes_, 0);
      queued_flushes_ = 0;
      queue_.clear();
    } else if (!queue_.empty()) {
      batch = std::move(queue_.front());
      queue_.pop_front();
      if (batch.has_value()) {
        queued_bytes_ -= batch->bytes;
        if (!filled_) oldest_arrival_us_ = batch->arrival_us;
        reading_ = true;
      } else {
        // A later flush in the queue covers this one, so commits are grouped if there is a backlog.
        flush = --queued_flushes_ == 0;
      }
    }
  }
  // Process the item without the lock.
  if (cancelled) DropHeld();
  if (dropped_bytes > 0) context_->budget->Release(dropped_bytes);
  if (batch.has_value()) Accept(*std::move(batch));
  if (flush) Flush();
  // Post the next task, or become idle.
  {
    MutexLock lock(&mutex_);
    reading_ = false;
    if (!queue_.empty() || (cancelled_ && !cancelled)) {
      context_->pool->Post([this, self = owner_->Self()] { RunOne(); });
      return;
    }
    scheduled_ = false;
  }
  owner_->OnIdle();
}

void Lane::Accept(Batch batch) {
  if (failed_) {
    context_->budget->Release(batch.bytes);
    return;
  }
  // Rows are rarely larger than their JSON. A batch that grows beyond this limit is parsed and
  // flushed in pieces.
  const int64_t max_bytes = FullBytes() + 2 * batch.bytes;
  int64_t before = aggregate_->buffered_bytes();
  // Parse the batch. Flush whenever the buffer is full and records of the batch remain.
  absl::StatusOr<Accepted> accepted = aggregate_->Accept(&batch, max_bytes);
  while (accepted.ok() && accepted->more) {
    const int64_t grown = aggregate_->buffered_bytes() - before;
    held_bytes_ += grown;
    context_->budget->ForceAcquire(grown);
    SetFilled(true);
    owner_->OnAccepted(*accepted, 0);
    Flush();
    if (failed_) {
      context_->budget->Release(batch.bytes);
      return;
    }
    before = aggregate_->buffered_bytes();
    accepted = aggregate_->Accept(&batch, max_bytes);
  }
  RecycleBuffer(batch.records.get());
  batch.records.reset();
  // From here on the budget is charged with the encoded rows instead of the message.
  const int64_t grown = aggregate_->buffered_bytes() - before;
  held_bytes_ += grown;
  if (grown > batch.bytes) {
    context_->budget->ForceAcquire(grown - batch.bytes);
  } else {
    context_->budget->Release(batch.bytes - grown);
  }
  if (!accepted.ok()) return Fail(accepted.status());
  SetFilled(!aggregate_->empty());
  owner_->OnAccepted(*accepted, batch.bytes);
  if (aggregate_->buffered_bytes() >= FullBytes()) Flush();
}

void Lane::RecycleBuffer(v1::RecordBatch* records) {
  std::unique_ptr<std::string> text;
  if (records->has_jsonl()) text.reset(records->release_jsonl());
  if (records->has_airbyte_jsonl()) text.reset(records->release_airbyte_jsonl());
  if (text == nullptr) return;
  const size_t bytes = text->capacity();
  if (bytes >= kMinRecycledBytes) context_->texts->Give(std::move(text), bytes);
}

int64_t Lane::FullBytes() const {
  const int64_t lanes = std::max<int64_t>(1, context_->filled_lanes.load());
  const int64_t share = context_->budget->capacity_bytes() / (2 * lanes);
  return std::min(context_->flush_bytes, share);
}

void Lane::Flush() {
  if (failed_) return;
  const FlushPlan plan = owner_->PlanFlush(*this, !aggregate_->empty(), IsQueueEmpty());
  if (!plan.needed) return;
  const absl::StatusOr<write::FlushResult> flushed =
      aggregate_->Flush(plan.checkpoints, plan.ends_call);
  if (!flushed.ok()) return Fail(flushed.status());
  context_->budget->Release(std::exchange(held_bytes_, 0));
  SetFilled(false);
  owner_->OnFlushed(*flushed);
}

void Lane::Fail(const absl::Status& status) {
  failed_ = true;
  DropHeld();
  owner_->OnFailed(status);
}

void Lane::DropHeld() {
  failed_ = true;
  aggregate_.reset();
  SetFilled(false);
  if (held_bytes_ > 0) context_->budget->Release(std::exchange(held_bytes_, 0));
}

void Lane::SetFilled(bool filled) {
  MutexLock lock(&mutex_);
  if (filled == filled_) return;
  filled_ = filled;
  if (filled) {
    filled_since_ = absl::Now();
    context_->filled_lanes.fetch_add(1);
  } else {
    context_->filled_lanes.fetch_sub(1);
  }
}

}  // namespace syncline::dataflow
