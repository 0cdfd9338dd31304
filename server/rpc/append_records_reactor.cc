#include "server/rpc/append_records_reactor.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "server/rpc/status_conversion.h"

namespace syncline::rpc {
namespace {

// How long the end of a call may wait for a caller that does not read its answers.
constexpr absl::Duration kEndTimeout = absl::Seconds(5);

// RecordsReceiver reads both kinds of messages as StreamRecordsRequest.
template <int kAppend, int kStream>
constexpr bool kSameNumber = kAppend == kStream;
static_assert(kSameNumber<v1::AppendRecordsRequest::kHeaderFieldNumber,
                          v1::StreamRecordsRequest::kHeaderFieldNumber>);
static_assert(kSameNumber<v1::AppendRecordsRequest::kBatchFieldNumber,
                          v1::StreamRecordsRequest::kBatchFieldNumber>);
static_assert(kSameNumber<v1::AppendRecordsRequest::kCheckpointFieldNumber,
                          v1::StreamRecordsRequest::kCheckpointFieldNumber>);

v1::AppendRecordsResponse ToAnswer(const sync::CallSummary& summary) {
  v1::AppendRecordsResponse answer;
  answer.set_durable_offset(summary.durable_offset);
  answer.set_records_rejected(summary.records_rejected);
  answer.set_values_nulled(summary.values.nulled);
  answer.set_last_checkpoint_id(summary.last_checkpoint_id);
  answer.set_records_skipped(summary.records_skipped);
  return answer;
}

void Serialize(const v1::AppendRecordsResponse& answer, grpc::ByteBuffer* bytes) {
  bool own_buffer = false;
  // Fails only for messages of more than 2 GiB.
  grpc::SerializationTraits<v1::AppendRecordsResponse>::Serialize(answer, bytes, &own_buffer);
}

}  // namespace

AppendRecordsReactor* AppendRecordsReactor::Start(const ReceiverContext& context,
                                                  StreamCaller caller, Admission::Call place,
                                                  const v1::Limits& limits,
                                                  grpc::CallbackServerContext* grpc_context) {
  const std::shared_ptr<AppendRecordsReactor> call(
      new AppendRecordsReactor(context, std::move(caller), std::move(place), limits, grpc_context));
  call->Begin(call);
  return call.get();
}

AppendRecordsReactor::AppendRecordsReactor(const ReceiverContext& context, StreamCaller caller,
                                           Admission::Call place, const v1::Limits& limits,
                                           grpc::CallbackServerContext* grpc_context)
    : RecordsReceiver("AppendRecords", context, std::move(caller), std::move(place)),
      limits_(limits),
      grpc_context_(grpc_context) {}

void AppendRecordsReactor::Write(const v1::AppendRecordsResponse& answer) {
  Serialize(answer, &answer_);
  StartWrite(&answer_);
}

void AppendRecordsReactor::OnOpened(int64_t epoch, int64_t durable_offset) {
  v1::AppendRecordsResponse answer;
  answer.set_durable_offset(durable_offset);
  answer.mutable_opened()->set_epoch(epoch);
  answer.mutable_opened()->set_durable_offset(durable_offset);
  *answer.mutable_opened()->mutable_limits() = limits_;
  {
    MutexLock lock(&mutex_);
    if (closed_) return;  // the call was ended meanwhile
    writing_ = true;
  }
  Write(answer);
}

void AppendRecordsReactor::OnCommitted() {
  {
    MutexLock lock(&mutex_);
    due_ = true;
    if (writing_ || closed_) return;
    writing_ = true;
    due_ = false;
  }
  Write(ToAnswer(committed()));
}

void AppendRecordsReactor::OnWriteDone(bool ok) {
  answer_.Clear();
  std::optional<End> end;
  bool due = false;
  {
    MutexLock lock(&mutex_);
    // A write fails only if the call is broken, which OnCancel reports, too.
    due = ok && due_;
    end = end_;
    closed_ = end.has_value();
    writing_ = due && !closed_;
    if (writing_) due_ = false;
  }
  if (end.has_value()) return SendEnd(*end, due);
  if (due) Write(ToAnswer(committed()));
}

void AppendRecordsReactor::FinishCall(const absl::Status& status,
                                      const sync::CallSummary& summary) {
  const End end = {status, summary, absl::Now()};
  bool due = false;
  {
    MutexLock lock(&mutex_);
    end_ = end;
    if (writing_) return;  // OnWriteDone sends the end
    closed_ = true;
    due = due_;
  }
  SendEnd(end, due);
}

void AppendRecordsReactor::SendEnd(const End& end, bool with_answer) {
  if (!end.status.ok() && !with_answer) return Finish(ToGrpc(end.status));
  Serialize(ToAnswer(end.summary), &answer_);
  StartWriteAndFinish(&answer_, grpc::WriteOptions(), ToGrpc(end.status));
}

void AppendRecordsReactor::EndIfSilent(absl::Time now) {
  RecordsReceiver::EndIfSilent(now);
  // The context exists until OnDone returns, which waits for the lock. gRPC reports the
  // cancellation on another thread.
  MutexLock lock(&mutex_);
  if (end_.has_value() && !over_ && now - end_->since >= kEndTimeout) grpc_context_->TryCancel();
}

void AppendRecordsReactor::OnDone() {
  {
    MutexLock lock(&mutex_);
    over_ = true;
  }
  Over();
}

}  // namespace syncline::rpc
