#include "server/rpc/records_receiver.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/rpc/conversion.h"
#include "server/rpc/message_size.h"
#include "server/rpc/request_names.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/stream_call_end.h"
#include "server/rpc/unknown_fields.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

// A first message of up to this size does not wait for memory, so that a call is opened, or
// refused, even if others fill the budget.
constexpr int64_t kMaxHeaderBytes = 16 << 10;
constexpr absl::Duration kHeaderTimeout = absl::Seconds(10);

// Returns how much to charge, before it is parsed, for the rows that will be made of a message of
// `bytes` that takes `measured` bytes of memory. The rows take memory before that of the message is
// freed, and about as much as its bytes. Those of small messages do not matter. An eighth of the
// budget is left, so that a message does not wait because another call holds a few rows.
int64_t RowBytes(int64_t bytes, int64_t measured, int64_t capacity) {
  if (bytes <= kSmallMessageBytes) return 0;
  return std::clamp<int64_t>(capacity / 8 * 7 - measured, 0, bytes);
}

std::optional<int64_t> GetExpectedEpoch(const v1::StreamHeader& header) {
  if (!header.has_expected_epoch()) return std::nullopt;
  return header.expected_epoch();
}

absl::Status EmptyCall() {
  return MakeError(absl::StatusCode::kInvalidArgument, "the call ended without a header",
                   {.reason = reason::kEmptyStream});
}

}  // namespace

RecordsReceiver::RecordsReceiver(const char* rpc, const ReceiverContext& context,
                                 StreamCaller caller, Admission::Call place)
    : rpc_(rpc),
      context_(context),
      caller_(std::move(caller)),
      gate_key_(context.gate->NewCall()),
      reader_(context.texts),
      expected_bytes_(context.max_message_bytes),
      place_(std::make_unique<Admission::Call>(std::move(place))) {}

void RecordsReceiver::Begin(std::shared_ptr<RecordsReceiver> self) {
  self_ = std::move(self);
  const std::shared_ptr<RecordsReceiver> held = self_;  // the call may be over soon
  context_.calls->Add(held);
  StartReading();
  // Draining may have ended the silent calls just before this one was added.
  if (context_.admission->draining()) EndIfUnclaimed();
}

void RecordsReceiver::ReadDone(bool ok) {
  bool header_seen = false;
  {
    MutexLock lock(&mutex_);
    reading_since_ = absl::InfiniteFuture();
    if (finished_) return;
    header_seen = header_seen_;
  }
  if (!ok) return OnInputEnd(header_seen);
  Receive(header_seen);
}

void RecordsReceiver::OnInputEnd(bool header_seen) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open != nullptr) return open->End(absl::OkStatus());
  if (is_repeated()) return EndWith(absl::OkStatus());
  if (!header_seen) EndWith(EmptyCall());
}

void RecordsReceiver::Receive(bool header_seen) {
  const auto bytes = static_cast<int64_t>(request_.Length());
  if (caller_.connection != nullptr) caller_.connection->NoteMessage(bytes);
  if (bytes > kSmallMessageBytes) {
    gated_ = true;
    context_.gate->Arrive(gate_key_, bytes);
  }
  if (header_seen) expected_bytes_ = std::max(bytes, expected_bytes_ / 4);
  const absl::StatusOr<int64_t> measured =
      MeasureMessage(request_, *v1::StreamRecordsRequest::descriptor());
  if (!measured.ok()) {
    DropMessage();
    return EndWith(measured.status());
  }
  if (!header_seen && bytes <= kMaxHeaderBytes) return Parse(0);
  row_bytes_ = RowBytes(bytes, *measured, context_.budget->capacity_bytes());
  const int64_t needed = *measured + row_bytes_;
  if (context_.budget->TryAcquire(needed)) return Parse(needed);
  const void* waiter = this;
  {
    MutexLock lock(&mutex_);
    if (call_ != nullptr) waiter = call_.get();  // for SyncRegistry::FailLocked
    waits_for_memory_ = waiter;
  }
  const auto granted = [self = shared_from_this(), needed] {
    // The thread that has released memory has other work to do.
    if (self->context_.parse_pool->Post([self, needed] { self->Parse(needed); })) return;
    self->context_.budget->Release(needed);
    self->EndWith(sync::Draining());
  };
  context_.budget->Acquire(needed, granted, waiter);
}

void RecordsReceiver::DropMessage() {
  request_.Clear();
  if (std::exchange(gated_, false)) context_.gate->Leave(gate_key_);
}

void RecordsReceiver::Parse(int64_t bytes) {
  BudgetCharge charge(context_.budget, bytes);
  bool finished = false;
  {
    MutexLock lock(&mutex_);
    finished = finished_;
    waits_for_memory_ = nullptr;
  }
  v1::StreamRecordsRequest message;
  const bool read = !finished && reader_.Read(&request_, &message);
  DropMessage();
  if (finished) return;
  if (!read) return EndWith(MalformedMessage(absl::StrCat("syncline.v1.", rpc_, "Request")));
  if (const int64_t unknown = CountUnknownFields(message); unknown > 0) {
    context_.metrics->UnknownFields(unknown);
  }
  OnMessage(std::move(message), &charge);
}

void RecordsReceiver::OnMessage(v1::StreamRecordsRequest message, BudgetCharge* charge) {
  switch (message.message_case()) {
    case v1::StreamRecordsRequest::kHeader:
      return OnHeader(message.header());
    case v1::StreamRecordsRequest::kBatch:
      return OnBatch(std::unique_ptr<v1::RecordBatch>(message.release_batch()), charge);
    case v1::StreamRecordsRequest::kCheckpoint:
      return OnCheckpoint(std::move(*message.mutable_checkpoint()), charge);
    case v1::StreamRecordsRequest::MESSAGE_NOT_SET:
      return EndWith(
          sync::InvalidRequest({{"message", "must be a header, a batch or a checkpoint"}}));
  }
}

void RecordsReceiver::OnHeader(const v1::StreamHeader& header) {
  const absl::Status valid = CheckHeader(header);
  bool second = false;
  {
    // The next read starts only when the call is open, so a second header arrives at an open call.
    MutexLock lock(&mutex_);
    second = header_seen_;
  }
  if (second) return EndWith(sync::ProtocolOrder("a second header was sent"));
  if (!valid.ok()) return EndWith(valid);
  if (const absl::Status taken = TakeStreamPlace(); !taken.ok()) {
    context_.metrics->CallRefused(GetReason(taken));
    return EndWith(taken);
  }
  sync_id_ = header.sync_id();
  {
    MutexLock lock(&mutex_);
    header_seen_ = true;
    name_ =
        absl::StrCat(header.sync_id(), "/", header.descriptor().name(), "/", header.writer_id());
  }
  const uint64_t stream = sync::ClaimGroup(header.sync_id(), FromProto(header.descriptor()));
  const bool posted = context_.claim_pool->Post(
      stream, [self = shared_from_this(), header] { self->Open(header); });
  if (!posted) FinishOnce(sync::Draining(), {});
}

absl::Status RecordsReceiver::TakeStreamPlace() {
  absl::StatusOr<Admission::Call> taken = context_.admission->EnterStream(caller_.key);
  if (!taken.ok()) return taken.status();
  // The other place is freed after the lock.
  auto place = std::make_unique<Admission::Call>(*std::move(taken));
  MutexLock lock(&mutex_);
  if (!finished_) place_.swap(place);
  return absl::OkStatus();
}

void RecordsReceiver::Open(const v1::StreamHeader& header) {
  bool cancelled = false;
  {
    // If the caller has cancelled, a claim would fence the call that it has opened instead.
    MutexLock lock(&mutex_);
    cancelled = cancelled_ || finished_;
  }
  if (cancelled) return FinishOnce(sync::CallerGone(), {});
  if (context_.admission->draining()) return FinishOnce(sync::Draining(), {});
  // Check the caller and find the stream.
  const absl::Status allowed = context_.registry->CheckOwner(header.sync_id(), caller_.identity);
  if (!allowed.ok()) return FinishOnce(allowed, {});
  const absl::StatusOr<std::shared_ptr<sync::StreamSession>> session =
      context_.registry->FindStream(header.sync_id(), FromProto(header.descriptor()));
  if (!session.ok()) return FinishOnce(session.status(), {});
  // Claim the writer.
  const absl::StatusOr<std::shared_ptr<sync::WriterCall>> opened = (*session)->Open(
      {header.writer_id(), GetExpectedEpoch(header), header.plan_version()},
      // The callback also holds the session, because the session is what forgets
      // the call.
      [self = shared_from_this(), held = *session](const absl::Status& status,
                                                   const sync::CallSummary& summary) {
        self->FinishOnce(status, summary);
      },
      [self = shared_from_this()] { self->OnCommitted(); });
  if (GetReason(opened.status()) == reason::kStreamCompleted) return Repeat(**session, header);
  if (!opened.ok()) return FinishOnce(opened.status(), {});
  // Publish the call to OnCancel, which may have run meanwhile, and start reading.
  {
    MutexLock lock(&mutex_);
    session_ = *session;
    call_ = *opened;
    cancelled = cancelled_ || finished_;
  }
  if (cancelled) return (*opened)->Fail(sync::CallerGone());
  if (context_.admission->draining()) return (*opened)->End(sync::Draining());
  OnOpened((*opened)->claim().epoch, (*opened)->summary().durable_offset);
  ReadNext();
}

void RecordsReceiver::Repeat(sync::StreamSession& session, const v1::StreamHeader& header) {
  absl::StatusOr<sync::RepeatedCall> repeated = session.Repeat(header.writer_id());
  if (!repeated.ok()) return FinishOnce(repeated.status(), {});
  const int64_t durable_offset = repeated->summary().durable_offset;
  {
    MutexLock lock(&mutex_);
    repeated_ = *std::move(repeated);
  }
  if (context_.admission->draining()) return EndWith(sync::Draining());
  OnOpened(/*epoch=*/0, durable_offset);
  ReadNext();
}

void RecordsReceiver::OnBatch(std::unique_ptr<v1::RecordBatch> records, BudgetCharge* charge) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open == nullptr && !is_repeated())
    return EndWith(sync::ProtocolOrder("a batch was sent before the header"));
  if (records->payload_case() == v1::RecordBatch::PAYLOAD_NOT_SET) {
    if (!records->flush()) {
      return EndWith(sync::InvalidRequest({{"batch.payload", "must be set"}}));
    }
    records->mutable_jsonl();  // no records
  }
  if (open == nullptr) {
    absl::Status accepted;
    {
      MutexLock lock(&mutex_);
      accepted = repeated_->Accept(*records);
    }
    return accepted.ok() ? ReadNext() : EndWith(accepted);
  }
  const int64_t bytes = charge->Give();
  open->Accept(std::move(records), bytes - row_bytes_, row_bytes_,
               [self = shared_from_this()] { self->ReadNext(); });
}

void RecordsReceiver::Cancelled() {
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    // Open ends a call that it is opening.
    if (header_seen_ && call_ == nullptr && !repeated_.has_value()) return;
  }
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open != nullptr) return open->Fail(sync::CallerGone());
  // The message that has arrived may wait for memory, so no read reports the end of the call.
  EndWith(sync::CallerGone());
}

void RecordsReceiver::Over() {
  context_.gate->Leave(gate_key_);
  context_.calls->Remove(this);
  const void* waiter = nullptr;
  {
    std::unique_ptr<Admission::Call> place;  // freed after the lock
    MutexLock lock(&mutex_);
    place.swap(place_);
    waiter = waits_for_memory_;
    // The message of a call that is gone must not take memory until its turn comes.
    if (waiter != nullptr) request_.Clear();
  }
  if (waiter != nullptr) context_.budget->Abandon(waiter);
  // May destroy this.
  const std::shared_ptr<RecordsReceiver> last = std::move(self_);
}

void RecordsReceiver::EndIfSilent(absl::Time now) {
  absl::Status end;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    const absl::Duration silent = now - reading_since_;
    const bool limited = context_.idle_timeout > absl::ZeroDuration();
    if (!header_seen_ && silent >= kHeaderTimeout) {
      end = sync::NoHeader();
    } else if (header_seen_ && limited && silent >= context_.idle_timeout) {
      end = sync::IdleCall();
    } else {
      return;
    }
  }
  EndWith(end);
}

void RecordsReceiver::EndIfUnclaimed() {
  {
    MutexLock lock(&mutex_);
    if (header_seen_ && !repeated_.has_value()) return;
  }
  EndWith(sync::Draining());
}

bool RecordsReceiver::is_repeated() const {
  MutexLock lock(&mutex_);
  return repeated_.has_value();
}

sync::CallSummary RecordsReceiver::committed() const {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open != nullptr) return open->summary();
  MutexLock lock(&mutex_);
  return repeated_.has_value() ? repeated_->summary() : sync::CallSummary{};
}

std::shared_ptr<sync::WriterCall> RecordsReceiver::call() const {
  MutexLock lock(&mutex_);
  return call_;
}

void RecordsReceiver::ReadNext() {
  if (expected_bytes_ <= kSmallMessageBytes) return StartReading();
  gated_ = true;
  ReadSource source;
  if (caller_.connection != nullptr) {
    source.connection = caller_.connection.get();
    source.received = [connection = caller_.connection] { return connection->UnfinishedBytes(); };
  }
  context_.gate->Enter(
      gate_key_, expected_bytes_, [self = shared_from_this()] { self->StartReading(); },
      std::move(source));
}

void RecordsReceiver::StartReading() {
  {
    // The lock excludes FinishOnce, after which no read may start.
    MutexLock lock(&mutex_);
    if (!finished_) {
      reading_since_ = absl::Now();
      return StartReadInto(&request_);
    }
  }
  context_.gate->Leave(gate_key_);  // Over may have been before the place was given
}

void RecordsReceiver::EndWith(const absl::Status& status) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open != nullptr) return open->End(status);
  FinishOnce(status, committed());
}

void RecordsReceiver::FinishOnce(const absl::Status& status, const sync::CallSummary& summary) {
  absl::Status answered = status;
  std::string name;
  {
    MutexLock lock(&mutex_);
    if (std::exchange(finished_, true)) return;
    name = name_;
    // Add the durable offset and, for a repeated call, the outcome to an error.
    if (call_ != nullptr || repeated_.has_value()) {
      answered = WithMetadata(status, "durable_offset", absl::StrCat(summary.durable_offset));
    }
    if (repeated_.has_value()) {
      answered = WithMetadata(answered, "outcome", v1::Outcome_Name(ToProto(repeated_->outcome())));
    }
  }
  LogCallEnd(rpc_, name, status, summary);
  FinishCall(answered, summary);
}

}  // namespace syncline::rpc
