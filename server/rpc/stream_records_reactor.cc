#include "server/rpc/stream_records_reactor.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "server/rpc/checkpoint_positions.h"
#include "server/rpc/conversion.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/unknown_fields.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr size_t kMaxIdLength = 128;

absl::Status ProtocolOrder(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, what, {.reason = reason::kProtocolOrder});
}

// PostgreSQL text ends at a NUL, so two different ids would become one.
bool HasNul(const std::string& id) { return id.find('\0') != std::string::npos; }

std::optional<int64_t> GetExpectedEpoch(const v1::StreamHeader& header) {
  if (!header.has_expected_epoch()) return std::nullopt;
  return header.expected_epoch();
}

absl::Status EmptyCall() {
  return MakeError(absl::StatusCode::kInvalidArgument, "the call ended without a header",
                   {.reason = reason::kEmptyStream});
}

}  // namespace

StreamRecordsReactor* StreamRecordsReactor::Start(const StreamRecordsContext& context,
                                                  Identity caller, grpc::ByteBuffer* response) {
  std::shared_ptr<StreamRecordsReactor> stream(
      new StreamRecordsReactor(context, std::move(caller), response));
  stream->self_ = stream;
  stream->StartRead(&stream->request_);
  return stream.get();
}

void StreamRecordsReactor::OnReadDone(bool ok) {
  if (!ok) {  // half-close, or the end of the call
    const std::shared_ptr<sync::WriterCall> open = call();
    if (open != nullptr) return open->End(absl::OkStatus());
    if (repeated_.has_value()) return FinishOnce(absl::OkStatus(), repeated_->summary());
    bool header_seen = false;
    {
      MutexLock lock(&mutex_);
      header_seen = header_seen_;
    }
    if (!header_seen) EndWith(EmptyCall());
    return;
  }
  v1::StreamRecordsRequest message;
  if (!reader_.Read(&request_, &message))
    return EndWith(MalformedMessage(v1::StreamRecordsRequest::descriptor()->full_name()));
  if (const int64_t unknown = CountUnknownFields(message); unknown > 0) {
    context_.metrics->UnknownFields(unknown);
  }
  OnMessage(std::move(message));
}

void StreamRecordsReactor::OnMessage(v1::StreamRecordsRequest message) {
  switch (message.message_case()) {
    case v1::StreamRecordsRequest::kHeader:
      return OnHeader(message.header());
    case v1::StreamRecordsRequest::kBatch:
      return OnBatch(std::unique_ptr<v1::RecordBatch>(message.release_batch()));
    case v1::StreamRecordsRequest::kCheckpoint:
      return OnCheckpoint(std::move(*message.mutable_checkpoint()));
    case v1::StreamRecordsRequest::MESSAGE_NOT_SET:
      return EndWith(
          sync::InvalidRequest({{"message", "must be a header, a batch or a checkpoint"}}));
  }
}

void StreamRecordsReactor::OnHeader(const v1::StreamHeader& header) {
  bool second = false;
  {
    // The next read starts only when the call is open, so a second header arrives at an open call.
    MutexLock lock(&mutex_);
    second = std::exchange(header_seen_, true);
  }
  if (second) return EndWith(ProtocolOrder("a second header was sent"));
  if (header.writer_id().size() > kMaxIdLength || HasNul(header.writer_id())) {
    return EndWith(sync::InvalidRequest(
        {{"header.writer_id", "must have at most 128 bytes, none of them NUL"}}));
  }
  if (header.expected_epoch() < 0) {
    return EndWith(sync::InvalidRequest({{"header.expected_epoch", "must not be negative"}}));
  }
  sync_id_ = header.sync_id();
  name_ = absl::StrCat(header.sync_id(), "/", header.descriptor().name(), "/", header.writer_id());
  // The calls of one stream wait for the same locks, so they are a group.
  const uint64_t stream = std::hash<std::string>()(absl::StrCat(
      header.sync_id(), "/", header.descriptor().namespace_(), "/", header.descriptor().name()));
  context_.claim_pool->Post(stream, [self = shared_from_this(), header] { self->Open(header); });
}

void StreamRecordsReactor::Open(const v1::StreamHeader& header) {
  bool cancelled = false;
  {
    // If the caller has cancelled, a claim would fence the call that it has opened instead.
    MutexLock lock(&mutex_);
    cancelled = cancelled_;
  }
  if (cancelled) return FinishOnce(sync::CallerGone(), {});
  // Check the caller and find the stream.
  const absl::Status allowed = context_.registry->CheckOwner(header.sync_id(), caller_);
  if (!allowed.ok()) return FinishOnce(allowed, {});
  const absl::StatusOr<std::shared_ptr<sync::StreamSession>> session =
      context_.registry->FindStream(header.sync_id(), FromProto(header.descriptor()));
  if (!session.ok()) return FinishOnce(session.status(), {});
  // Claim the writer.
  const absl::StatusOr<std::shared_ptr<sync::WriterCall>> opened =
      (*session)->Open(header.writer_id(), GetExpectedEpoch(header),
                       // The callback also holds the session, because the session is what forgets
                       // the call.
                       [self = shared_from_this(), held = *session](
                           const absl::Status& status, const sync::CallSummary& summary) {
                         self->FinishOnce(status, summary);
                       });
  if (GetReason(opened.status()) == reason::kStreamCompleted) return Repeat(**session, header);
  if (!opened.ok()) return FinishOnce(opened.status(), {});
  // Publish the call to OnCancel, which may have run meanwhile, and start reading.
  {
    MutexLock lock(&mutex_);
    session_ = *session;
    call_ = *opened;
    cancelled = cancelled_;
  }
  if (cancelled) return (*opened)->Fail(sync::CallerGone());
  if (context_.admission->draining()) return (*opened)->End(sync::Draining());
  ReadNext();
}

void StreamRecordsReactor::Repeat(sync::StreamSession& session, const v1::StreamHeader& header) {
  absl::StatusOr<sync::RepeatedCall> repeated = session.Repeat(header.writer_id());
  if (!repeated.ok()) return FinishOnce(repeated.status(), {});
  repeated_ = *std::move(repeated);
  if (context_.admission->draining()) return EndWith(sync::Draining());
  ReadNext();
}

void StreamRecordsReactor::OnBatch(std::unique_ptr<v1::RecordBatch> records) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open == nullptr && !repeated_.has_value())
    return EndWith(ProtocolOrder("a batch was sent before the header"));
  if (records->payload_case() == v1::RecordBatch::PAYLOAD_NOT_SET) {
    return EndWith(sync::InvalidRequest({{"batch.payload", "must be set"}}));
  }
  if (repeated_.has_value()) {
    const absl::Status accepted = repeated_->Accept(*records);
    return accepted.ok() ? ReadNext() : EndWith(accepted);
  }
  open->Accept(std::move(records), [self = shared_from_this()] { self->ReadNext(); });
}

void StreamRecordsReactor::OnCheckpoint(v1::Checkpoint checkpoint) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open == nullptr && !repeated_.has_value())
    return EndWith(ProtocolOrder("a checkpoint was sent before the header"));
  if (checkpoint.checkpoint_id().empty() || checkpoint.checkpoint_id().size() > kMaxIdLength ||
      HasNul(checkpoint.checkpoint_id())) {
    return EndWith(sync::InvalidRequest(
        {{"checkpoint.checkpoint_id", "must have 1-128 bytes, none of them NUL"}}));
  }
  if (static_cast<int64_t>(checkpoint.state().size()) > kMaxStateBytes) {
    return EndWith(sync::InvalidRequest({{"checkpoint.state", "must have at most 3 MiB"}}));
  }
  // Everything before the checkpoint is durable already.
  if (repeated_.has_value()) return ReadNext();
  absl::StatusOr<std::vector<CheckpointPosition>> positions =
      GetCheckpointPositions(checkpoint, [this](const StreamDescriptor& descriptor) {
        return context_.registry->FindStream(sync_id_, descriptor).ok();
      });
  if (!positions.ok()) return EndWith(positions.status());
  open->AddCheckpoint(std::move(*checkpoint.mutable_checkpoint_id()),
                      std::move(*checkpoint.mutable_state()), *std::move(positions),
                      [self = shared_from_this()] { self->ReadNext(); });
}

void StreamRecordsReactor::OnCancel() {
  std::shared_ptr<sync::WriterCall> open;
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    open = call_;
  }
  if (open != nullptr) open->Fail(sync::CallerGone());
}

void StreamRecordsReactor::OnDone() {
  context_.admission->LeaveStream();
  // May destroy this.
  const std::shared_ptr<StreamRecordsReactor> last = std::move(self_);
}

std::shared_ptr<sync::WriterCall> StreamRecordsReactor::call() const {
  MutexLock lock(&mutex_);
  return call_;
}

void StreamRecordsReactor::ReadNext() {
  // The lock excludes FinishOnce, after which no read may start.
  MutexLock lock(&mutex_);
  if (!finished_) StartRead(&request_);
}

void StreamRecordsReactor::EndWith(const absl::Status& status) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open != nullptr) return open->End(status);
  FinishOnce(status, repeated_.has_value() ? repeated_->summary() : sync::CallSummary());
}

void StreamRecordsReactor::FinishOnce(const absl::Status& status,
                                      const sync::CallSummary& summary) {
  // Add the durable offset and, for a repeated call, the outcome to an error.
  absl::Status answered = status;
  if (!status.ok() && (call() != nullptr || repeated_.has_value())) {
    answered = WithMetadata(status, "durable_offset", absl::StrCat(summary.durable_offset));
  }
  if (!status.ok() && repeated_.has_value()) {
    answered = WithMetadata(answered, "outcome", v1::Outcome_Name(ToProto(repeated_->outcome())));
  }
  Log(status.ok()                 ? LogLevel::kDebug
      : absl::IsCancelled(status) ? LogLevel::kInfo
                                  : LogLevel::kWarning,
      "stream_call_ended")
      .Field("call", name_)
      .Field("durable_offset", summary.durable_offset)
      .Field("written", summary.records_written)
      .Field("skipped", summary.records_skipped)
      .Field("rejected", summary.records_rejected)
      .Field("nulled", summary.values.nulled)
      .Field("truncated", summary.values.truncated)
      .Field("undeclared", summary.values.undeclared)
      .Error(status);
  // Write the response and finish, once.
  MutexLock lock(&mutex_);
  if (finished_) return;
  finished_ = true;
  if (status.ok()) {
    v1::StreamRecordsResponse response;
    response.set_durable_offset(summary.durable_offset);
    response.set_records_written(summary.records_written);
    response.set_records_skipped(summary.records_skipped);
    response.set_records_rejected(summary.records_rejected);
    response.set_values_nulled(summary.values.nulled);
    response.set_values_truncated(summary.values.truncated);
    response.set_fields_undeclared(summary.values.undeclared);
    bool own_buffer = false;
    const grpc::Status serialized = grpc::SerializationTraits<v1::StreamRecordsResponse>::Serialize(
        response, response_, &own_buffer);
    if (!serialized.ok()) return Finish(serialized);
  }
  Finish(ToGrpc(answered));
}

}  // namespace syncline::rpc
