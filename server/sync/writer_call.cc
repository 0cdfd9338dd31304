#include "server/sync/writer_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/model/value.h"
#include "server/sync/sync_errors.h"
#include "server/sync/unreadable_records.h"

namespace syncline::sync {
namespace {

// Batches that are flushed stay in one lane while it holds less than this, because lanes that
// commit small blocks at the same time wait for each other at the writer's row. In one lane, those
// that arrive during a commit are committed together.
constexpr int64_t kSmallBlockBytes = 256 << 10;

// Converts `time` to the unit of Batch::arrival_us.
int64_t PostgresMicros(absl::Time time) {
  return absl::ToUnixMicros(time) - kPostgresEpochDays * kMicrosPerDay;
}

}  // namespace

uint64_t ClaimGroup(absl::string_view sync_id, const StreamDescriptor& descriptor) {
  return std::hash<std::string>()(
      absl::StrCat(sync_id, "/", descriptor.name_space, "/", descriptor.name));
}

WriterCall::WriterCall(const CallContext* context, const StreamPlan& plan,
                       absl::string_view sync_id, const WriterClaim& claim,
                       const OffsetRanges& durable, int64_t rejected_before,
                       std::shared_ptr<metrics::StreamMetrics> metrics, Done done,
                       Committed committed)
    : context_(context),
      claim_(claim),
      claim_group_(ClaimGroup(sync_id, plan.descriptor)),
      metrics_(std::move(metrics)),
      done_(std::move(done)),
      committed_(std::move(committed)),
      next_offset_(durable.DurableOffset()),
      sent_to_(durable.DurableOffset()),
      rejected_seen_(rejected_before) {
  summary_.durable_offset = durable.DurableOffset();
  for (int i = 0; i < context->lanes_per_stream; ++i) {
    lanes_.push_back(std::make_unique<dataflow::Lane>(
        context->lanes, this, claim.stream_no,
        context->aggregates->Create(plan, sync_id, claim, durable)));
  }
}

WriterCall::~WriterCall() {
  int64_t checkpoint_bytes = 0;
  {
    MutexLock lock(&mutex_);
    AddQueuedLocked(-queued_bytes_);  // of batches that were dropped
    checkpoint_bytes = checkpoints_.bytes();
  }
  context_->lanes->budget->Release(checkpoint_bytes);
}

absl::StatusOr<dataflow::Batch> WriterCall::Number(std::unique_ptr<v1::RecordBatch> records) {
  if (records->first_offset() < 0) {
    return InvalidRequest({{"batch.first_offset", "must not be negative"}});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t count, dataflow::RecordParser::CountRecords(*records));
  SYNCLINE_RETURN_IF_ERROR(CheckUnreadable(*records, count));
  dataflow::Batch batch;
  batch.payload_bytes = static_cast<int64_t>(records->ByteSizeLong());
  batch.arrival_us = PostgresMicros(absl::Now());
  batch.flush = records->flush();
  batch.records = std::move(records);
  const int64_t first = batch.records->first_offset();
  MutexLock lock(&mutex_);
  if (first > next_offset_) return OffsetGap(next_offset_, first);
  lockstep_.OnMessage(summary_.durable_offset >= next_offset_);
  batch.offsets = {first, first + count};
  batch.wanted_from = next_offset_;
  next_offset_ = std::max(next_offset_, batch.offsets.end);
  // A batch without records, which may be numbered anywhere, does not move the end of what was
  // sent.
  if (count > 0) sent_to_ = batch.offsets.end;
  ++waiting_batches_;
  return batch;
}

void WriterCall::Accept(std::unique_ptr<v1::RecordBatch> records, int64_t bytes, int64_t row_bytes,
                        std::function<void()> ready) {
  BudgetCharge charge(context_->lanes->budget, bytes + row_bytes);
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kOpen) return;
  }
  absl::StatusOr<dataflow::Batch> batch = Number(std::move(records));
  if (!batch.ok()) return End(batch.status());
  metrics_->Received(batch->offsets.end - batch->offsets.begin, batch->payload_bytes);
  batch->bytes = charge.Give() - row_bytes;
  batch->row_bytes = row_bytes;
  Dispatch(*std::move(batch), std::move(ready));
}

void WriterCall::Dispatch(dataflow::Batch batch, std::function<void()> ready) {
  // Count the batch as queued, unless the call has failed meanwhile, and queue it.
  const int64_t bytes = batch.bytes;
  const int64_t charged = batch.charged_bytes();
  const bool flush = batch.flush;
  const bool soon = flush || context_->lanes->flush_when_idle;
  bool drop = false;
  {
    MutexLock lock(&mutex_);
    drop = state_ == State::kFailed || state_ == State::kDone;
    if (!drop) AddQueuedLocked(bytes);
  }
  dataflow::Lane* lane = nullptr;
  if (drop) {
    context_->lanes->budget->Release(charged);
  } else {
    lane = soon ? LaneToFlush(bytes) : LeastBusyLane();
    lane->Enqueue(std::move(batch));
    if (flush) RequestFlushes(lane);
  }
  // Continue to read only now: a checkpoint that follows must find the batch in its lane.
  bool ending = false;
  bool late = false;
  std::function<void()> read_on;
  {
    MutexLock lock(&mutex_);
    --waiting_batches_;
    // An End before the lane had the batch has flushed without it.
    ending = state_ == State::kEnding;
    late = soon && lane != nullptr && bytes <= dataflow::Lane::kMaxCallersBytes &&
           lockstep_.reads_late();
    late_ = late;
    if (state_ == State::kOpen) (MayReadLocked() ? read_on : ready_) = std::move(ready);
  }
  if (ending) FlushLanes();
  if (read_on) read_on();
  // The lane may have committed the batch before the read was noted as late, or have had nothing to
  // commit.
  if (late && lane->idle()) ReadOn();
  ReportIfDone();
}

dataflow::Lane* WriterCall::LeastBusyLane() {
  const auto load = [](const std::unique_ptr<dataflow::Lane>& lane) {
    return lane->queued_bytes() + (lane->idle() ? 0 : 1);
  };
  return std::min_element(lanes_.begin(), lanes_.begin() + UsefulLanes(),
                          [&](const auto& a, const auto& b) { return load(a) < load(b); })
      ->get();
}

dataflow::Lane* WriterCall::LaneToFlush(int64_t bytes) {
  dataflow::Lane* const first = lanes_.front().get();
  const bool small = first->queued_bytes() + first->held_bytes() + bytes <= kSmallBlockBytes;
  return small ? first : LeastBusyLane();
}

std::ptrdiff_t WriterCall::UsefulLanes() const {
  const int64_t busy = std::max<int64_t>(1, context_->lanes->busy_owners.load());
  return std::clamp<std::ptrdiff_t>(context_->lanes->pool->threads() / busy, 1, std::ssize(lanes_));
}

void WriterCall::AddQueuedLocked(int64_t bytes) {
  const bool was_busy = queued_bytes_ > 0;
  queued_bytes_ += bytes;
  const bool busy = queued_bytes_ > 0;
  if (busy != was_busy) context_->lanes->busy_owners.fetch_add(busy ? 1 : -1);
}

void WriterCall::AddCheckpoint(std::string checkpoint_id, std::string state,
                               std::vector<CheckpointPosition> positions,
                               std::function<void()> ready) {
  std::function<void()> read_on;
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kOpen) return;
    lockstep_.OnMessage(summary_.durable_offset >= next_offset_);
    context_->lanes->budget->ForceAcquire(checkpoints_.Add(
        std::move(checkpoint_id), std::move(state), std::move(positions), sent_to_));
    (MayReadLocked() ? read_on : ready_) = std::move(ready);
  }
  FlushLanes();
  if (read_on) read_on();
}

void WriterCall::End(const absl::Status& status) {
  std::function<void()> dropped;
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kOpen) return;
    state_ = State::kEnding;
    if (end_status_.ok()) end_status_ = status;
    dropped = std::exchange(ready_, nullptr);
  }
  FlushLanes();
  ReportIfDone();
}

void WriterCall::Fail(const absl::Status& status) {
  std::function<void()> dropped;
  {
    MutexLock lock(&mutex_);
    if (state_ == State::kFailed || state_ == State::kDone) return;
    state_ = State::kFailed;
    end_status_ = status;
    dropped = std::exchange(ready_, nullptr);
  }
  for (const auto& lane : lanes_) lane->Cancel();
}

absl::Duration WriterCall::uncommitted_age() const {
  const int64_t now = PostgresMicros(absl::Now());
  int64_t oldest = now;
  for (const auto& lane : lanes_)
    oldest = std::min(oldest, lane->oldest_arrival_us().value_or(now));
  return absl::Microseconds(now - oldest);
}

void WriterCall::FlushOlderThan(absl::Duration age) {
  for (const auto& lane : lanes_) lane->FlushOlderThan(age);
}

void WriterCall::FlushIdle() {
  for (const auto& lane : lanes_) lane->FlushIdle();
}

bool WriterCall::RequestFlushes(const dataflow::Lane* other) {
  bool flushed = false;
  for (const auto& lane : lanes_) {
    if (lane.get() == other || !lane->has_work()) continue;
    lane->RequestFlush();
    flushed = true;
  }
  return flushed;
}

void WriterCall::FlushLanes() {
  if (RequestFlushes(nullptr)) return;
  bool due = false;
  {
    MutexLock lock(&mutex_);
    due = checkpoints_.IsDue(summary_.durable_offset);
  }
  if (due) lanes_.front()->RequestFlush();
}

dataflow::FlushPlan WriterCall::PlanFlush(const dataflow::Lane& lane, bool holds_rows,
                                          bool is_last) {
  dataflow::FlushPlan plan;
  {
    MutexLock lock(&mutex_);
    plan.needed = holds_rows || checkpoints_.IsDue(summary_.durable_offset);
    if (!plan.needed) return plan;
    plan.checkpoints = [this](int64_t durable_offset) {
      MutexLock again(&mutex_);
      return checkpoints_.CopyDue(durable_offset);
    };
    // The last commit makes every record of the call durable, so all checkpoints are due in it.
    plan.ends_call = is_last && state_ == State::kEnding && waiting_batches_ == 0;
  }
  for (const auto& other : lanes_) {
    plan.ends_call = plan.ends_call && (other.get() == &lane || !other->has_work());
  }
  return plan;
}

void WriterCall::ReadOn() {
  std::function<void()> ready;
  {
    MutexLock lock(&mutex_);
    late_ = false;
    if (MayReadLocked()) ready = std::exchange(ready_, nullptr);
  }
  if (ready) ready();
}

bool WriterCall::MayReadLocked() const {
  return !late_ && locked_lanes_ == 0 &&
         queued_bytes_ + checkpoints_.bytes() < context_->max_queued_bytes;
}

void WriterCall::OnAccepted(const dataflow::Accepted& accepted, int64_t bytes) {
  // Counted before the caller may continue to read.
  const bool too_many = CountRejected(accepted.rejected);
  std::function<void()> ready;
  {
    MutexLock lock(&mutex_);
    AddQueuedLocked(-bytes);
    if (MayReadLocked()) ready = std::exchange(ready_, nullptr);
    summary_.records_skipped += accepted.skipped;
  }
  if (too_many) return End(TooManyRejected(*context_->max_rejected));
  if (ready) ready();
}

bool WriterCall::CountRejected(const std::map<std::string, int64_t>& rejected) {
  for (const auto& [reason, records] : rejected) metrics_->Rejected(reason, records);
  MutexLock lock(&mutex_);
  for (const auto& [reason, records] : rejected) rejected_seen_ += records;
  const bool too_many =
      context_->max_rejected.has_value() && rejected_seen_ > *context_->max_rejected;
  // Set here, because the caller may have ended the call, or may do so before End is called.
  if (too_many && end_status_.ok()) end_status_ = TooManyRejected(*context_->max_rejected);
  return too_many;
}

void WriterCall::OnLocked(absl::Time since) {
  MutexLock lock(&mutex_);
  if (locked_lanes_ == 0) locked_since_ = since;
  ++locked_lanes_;
}

void WriterCall::OnUnlocked() {
  // The caller may continue at the OnFlushed that follows.
  MutexLock lock(&mutex_);
  --locked_lanes_;
}

std::optional<WriterCall::LockedData> WriterCall::locked_data() const {
  LockedData data;
  {
    MutexLock lock(&mutex_);
    if (locked_lanes_ == 0) return std::nullopt;
    data.since = locked_since_;
  }
  for (const auto& lane : lanes_) data.bytes += lane->held_bytes() + lane->queued_bytes();
  return data;
}

void WriterCall::OnFlushed(const write::FlushResult& flushed) {
  const bool too_many = CountRejected(flushed.refused);
  // Update the totals and remove the committed checkpoints.
  std::function<void()> ready;
  Committed committed;
  bool due = false;
  int64_t durable_offset = 0;
  int64_t freed_bytes = 0;
  {
    MutexLock lock(&mutex_);
    summary_.durable_offset = std::max(summary_.durable_offset, flushed.durable_offset);
    summary_.records_written += flushed.rows;
    summary_.records_rejected += flushed.rejected;
    summary_.values += flushed.values;
    freed_bytes = checkpoints_.Remove(flushed.checkpoints);
    summary_.last_checkpoint_id = checkpoints_.last_removed_id();
    committed = committed_;
    late_ = false;
    if (MayReadLocked()) ready = std::exchange(ready_, nullptr);
    due = checkpoints_.IsDue(summary_.durable_offset);
    closed_ = closed_ || flushed.closed;
    durable_offset = summary_.durable_offset;
  }
  if (freed_bytes > 0) context_->lanes->budget->Release(freed_bytes);
  // Report, and continue: with another flush, the end, or the next message.
  metrics_->Committed(flushed.rows);
  metrics_->ValuesChanged(flushed.values.nulled, flushed.values.truncated,
                          flushed.values.undeclared);
  metrics_->Flushed(flushed.rows, flushed.took);
  metrics_->DurableOffset(durable_offset);
  // Another lane has committed the checkpoint's records, or the checkpoint was added, after this
  // one had read the pending checkpoints.
  if (due) lanes_.front()->RequestFlush();
  if (committed) committed();
  if (too_many) return End(TooManyRejected(*context_->max_rejected));
  if (ready) ready();
}

CallSummary WriterCall::summary() const {
  MutexLock lock(&mutex_);
  return summary_;
}

void WriterCall::OnIdle() {
  ReadOn();
  ReportIfDone();
}

void WriterCall::ReportIfDone() {
  bool closed = false;
  absl::Status end;
  {
    MutexLock lock(&mutex_);
    if (state_ != State::kEnding && state_ != State::kFailed) return;
    if (waiting_batches_ > 0) return;
    for (const auto& lane : lanes_) {
      if (state_ == State::kEnding ? lane->has_work() : !lane->idle()) return;
    }
    state_ = State::kDone;
    closed = closed_;
    end = end_status_;
  }
  if (closed) {
    context_->forget(claim_);
    return Report();
  }
  // Releasing the claim is I/O, and this may be one of gRPC's threads. A server whose pool has
  // ended drops its lease, which releases all of its claims.
  const bool posted = context_->claim_pool->Post(claim_group_, [self = shared_from_this(), end] {
    self->context_->release(self->claim_, end);
    self->Report();
  });
  if (!posted) Report();
}

void WriterCall::Report() {
  Done done;
  Committed dropped;
  absl::Status status;
  CallSummary summary;
  {
    MutexLock lock(&mutex_);
    done = std::exchange(done_, nullptr);
    dropped = std::exchange(committed_, nullptr);
    status = end_status_;
    summary = summary_;
  }
  done(status, summary);
}

}  // namespace syncline::sync
