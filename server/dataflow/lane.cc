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

Lane::Lane(LaneContext* context, LaneOwner* owner, int64_t stream_no,
           std::unique_ptr<Aggregate> aggregate)
    : context_(context),
      owner_(owner),
      group_(static_cast<uint64_t>(stream_no)),
      interrupt_(aggregate->interrupt()),
      aggregate_(std::move(aggregate)) {}

Lane::~Lane() { DropHeld(); }

void Lane::Enqueue(Batch batch) {
  const bool flush = batch.flush;
  const bool small = batch.bytes <= kMaxCallersBytes;
  std::shared_ptr<LaneOwner> self;
  {
    MutexLock lock(&mutex_);
    queued_bytes_ += batch.bytes;
    queue_.emplace_back(std::move(batch));
    if (flush) {
      queue_.emplace_back(std::nullopt);
      ++queued_flushes_;
    }
    if (std::exchange(scheduled_, true)) return;
    self = owner_->Self();
  }
  // To wake a thread takes longer than to parse so little.
  if (small && (flush || context_->flush_when_idle)) return RunOne(/*may_block=*/false);
  // The thread that this wakes would wait for the lock.
  Post();
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
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    if (std::exchange(parked_, false)) {
      Post();
    } else {
      Schedule();
    }
  }
  interrupt_->Interrupt();
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
  Post();
}

void Lane::Post() {
  context_->pool->Post(group_, [this, self = owner_->Self()] { RunOne(/*may_block=*/true); });
}

void Lane::Park(absl::Duration pause) {
  parked_ = true;
  if (pause == absl::InfiniteDuration()) return;
  context_->delayed->Add(pause,
                         [this, self = owner_->Self(), number = pauses_] { Unpark(number); });
}

void Lane::Unpark(int64_t pause_number) {
  MutexLock lock(&mutex_);
  UnparkLocked(pause_number);
}

void Lane::UnparkLocked(int64_t pause_number) {
  if (pause_number != pauses_) return;
  if (!parked_) {
    unparked_early_ = true;
    return;
  }
  parked_ = false;
  Post();
}

write::GroupCommit::Resume Lane::MakeResume() {
  MutexLock lock(&mutex_);
  unparked_early_ = false;
  return [this, self = owner_->Self(), number = ++pauses_](write::GroupResult result) {
    Resume(number, result == write::GroupResult::kCommitted);
  };
}

void Lane::Resume(int64_t pause_number, bool committed) {
  {
    MutexLock lock(&mutex_);
    const bool reports = committed && !cancelled_ && parked_ && pause_number == pauses_;
    if (!reports) return UnparkLocked(pause_number);
    parked_ = false;
  }
  // From here on this is the running task.
  const Pause pause = TryFlush();
  if (!pause.has_value() && (batch_.has_value() || flush_due_)) return Post();
  EndTask(Work(), pause);
}

void Lane::RunOne(bool may_block) {
  const Work work = TakeWork();
  if (work.cancelled) DropHeld();
  if (work.dropped_bytes > 0) context_->budget->Release(work.dropped_bytes);
  Pause pause;
  if (plan_.has_value()) pause = TryFlush();
  if (batch_.has_value() && !pause.has_value()) pause = Accept(may_block);
  if (!pause.has_value() && IsFlushDue()) pause = BeginFlush(may_block);
  EndTask(work, pause);
}

Lane::Work Lane::TakeWork() {
  Work work;
  MutexLock lock(&mutex_);
  work.cancelled = cancelled_;
  if (cancelled_) {
    for (const std::optional<Batch>& batch : queue_) {
      if (batch.has_value()) work.dropped_bytes += batch->charged_bytes();
    }
    queued_bytes_ = 0;
    queued_flushes_ = 0;
    queue_.clear();
    return work;
  }
  if (plan_.has_value() || batch_.has_value() || queue_.empty()) return work;
  if (!queue_.front().has_value()) {
    TakeFlush();
    return work;
  }
  batch_ = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= batch_->bytes;
  if (!filled_) oldest_arrival_us_ = batch_->arrival_us;
  reading_ = true;
  // A flush that follows needs no task of its own.
  if (!queue_.empty() && !queue_.front().has_value()) TakeFlush();
  return work;
}

void Lane::TakeFlush() {
  queue_.pop_front();
  // A later flush in the queue covers this one, so commits are grouped if there is a backlog.
  if (--queued_flushes_ == 0) flush_due_ = true;
}

bool Lane::IsFlushDue() {
  if (std::exchange(flush_due_, false)) return true;
  return context_->flush_when_idle && !failed_ && !aggregate_->empty() && IsQueueEmpty();
}

void Lane::EndTask(const Work& work, Pause pause) {
  {
    MutexLock lock(&mutex_);
    reading_ = batch_.has_value();
    const bool cancelled_meanwhile = cancelled_ && !work.cancelled;
    const bool parks = pause.has_value() && *pause > absl::ZeroDuration();
    if (parks && !cancelled_meanwhile && !unparked_early_) return Park(*pause);
    if (pause.has_value()) return Post();
    if (!queue_.empty() || cancelled_meanwhile) return Post();
    scheduled_ = false;
  }
  owner_->OnIdle();
}

Lane::Pause Lane::Accept(bool may_block) {
  if (failed_) {
    context_->budget->Release(batch_->charged_bytes());
    batch_.reset();
    return std::nullopt;
  }
  unparsed_bytes_ = 0;
  // Rows are rarely larger than their JSON. A batch that grows beyond this limit is parsed and
  // flushed in pieces.
  const int64_t max_bytes = FullBytes() + 2 * batch_->payload_bytes;
  // Parse the batch. Flush whenever the buffer is full and records of the batch remain.
  int64_t before = aggregate_->buffered_bytes();
  absl::StatusOr<Accepted> accepted = aggregate_->Accept(&*batch_, max_bytes);
  while (accepted.ok() && accepted->more) {
    const int64_t grown = aggregate_->buffered_bytes() - before;
    const int64_t charged = std::min(grown, batch_->row_bytes);
    batch_->row_bytes -= charged;
    held_bytes_ += grown;
    context_->budget->ForceAcquire(grown - charged);
    SetFilled(true);
    owner_->OnAccepted(*accepted, 0);
    unparsed_bytes_ = batch_->charged_bytes();
    const Pause pause = BeginFlush(may_block);
    if (pause.has_value() || failed_) return pause;
    unparsed_bytes_ = 0;
    before = aggregate_->buffered_bytes();
    accepted = aggregate_->Accept(&*batch_, max_bytes);
  }
  const int64_t bytes = batch_->bytes;
  const int64_t charged = batch_->charged_bytes();
  RecycleBuffer(batch_->records.get());
  batch_.reset();
  // From here on the budget is charged with the encoded rows instead of the message.
  const int64_t grown = aggregate_->buffered_bytes() - before;
  held_bytes_ += grown;
  if (grown > charged) {
    context_->budget->ForceAcquire(grown - charged);
  } else {
    context_->budget->Release(charged - grown);
  }
  if (!accepted.ok()) {
    Fail(accepted.status());
    return std::nullopt;
  }
  SetFilled(!aggregate_->empty());
  owner_->OnAccepted(*accepted, bytes);
  return aggregate_->buffered_bytes() >= FullBytes() ? BeginFlush(may_block) : std::nullopt;
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
  return std::min(
      aggregate_->distributed() ? context_->distributed_flush_bytes : context_->flush_bytes, share);
}

Lane::Pause Lane::BeginFlush(bool may_block) {
  if (failed_) return std::nullopt;
  const bool is_last = IsQueueEmpty() && !batch_.has_value();
  FlushPlan plan = owner_->PlanFlush(*this, !aggregate_->empty(), is_last);
  if (!plan.needed) return std::nullopt;
  plan_ = std::move(plan);
  if (may_block) return TryFlush();
  const absl::Time begun = absl::Now();
  const std::optional<write::FlushAttempt> handed_in =
      aggregate_->TryHandIn(plan_->checkpoints, plan_->ends_call, MakeResume());
  return handed_in.has_value() ? EndAttempt(*handed_in, begun) : absl::ZeroDuration();
}

Lane::Pause Lane::TryFlush() {
  const absl::Time begun = absl::Now();
  const absl::StatusOr<write::FlushAttempt> attempt =
      aggregate_->Flush(plan_->checkpoints, plan_->ends_call, MakeResume());
  if (!attempt.ok()) {
    Fail(attempt.status());
    return std::nullopt;
  }
  return EndAttempt(*attempt, begun);
}

Lane::Pause Lane::EndAttempt(const write::FlushAttempt& attempt, absl::Time begun) {
  if (std::exchange(locked_, attempt.locked) != attempt.locked) {
    if (attempt.locked) {
      owner_->OnLocked(begun);
    } else {
      owner_->OnUnlocked();
    }
  }
  if (!attempt.committed.has_value()) return attempt.pause;
  plan_.reset();
  context_->budget->Release(held_bytes_.exchange(0));
  SetFilled(false);
  owner_->OnFlushed(*attempt.committed);
  return std::nullopt;
}

void Lane::Fail(const absl::Status& status) {
  DropHeld();
  owner_->OnFailed(status);
}

void Lane::DropHeld() {
  failed_ = true;
  aggregate_.reset();
  plan_.reset();
  SetFilled(false);
  const int64_t unparsed = batch_.has_value() ? batch_->charged_bytes() : 0;
  const int64_t dropped = held_bytes_.exchange(0) + unparsed;
  batch_.reset();
  unparsed_bytes_ = 0;
  if (dropped > 0) context_->budget->Release(dropped);
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
