// TargetSession: plans streams, and sends their records and checkpoints.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/call_error.h"
#include "client/retrying_calls.h"
#include "client/singer/target_session.h"

namespace syncline::client {
namespace {

constexpr absl::string_view kCheckpointPrefix = "state-";

}  // namespace

v1::StartSyncRequest TargetSession::MakeRequest(const TargetStream& stream) const {
  v1::StartSyncRequest request;
  request.set_sync_id(options_.sync_id);
  request.set_connection_id(options_.config.destination.connection_id);
  request.set_extend(true);
  *request.add_streams() = MakeStreamConfig(options_.config, stream);
  return request;
}

absl::StatusOr<v1::StartSyncResponse> TargetSession::Extend(const v1::StartSyncRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(v1::StartSyncResponse response,
                            StartSyncWithRetries(client_, request, options_.retry_for));
  if (response.streams_size() != request.streams_size()) {
    return absl::InternalError("the server's plan does not match the request");
  }
  if (response.streams(0).has_error()) return FromRpc(response.streams(0).error());
  return response;
}

absl::Status TargetSession::Plan(TargetStream* stream) {
  const v1::StartSyncRequest request = MakeRequest(*stream);
  SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse response, Extend(request));
  planned_(response.streams(0));
  stream->config = request.streams(0);
  stream->plan = response.streams(0);
  stream->batch =
      std::make_unique<RecordBatchBuilder>(RecordBatchBuilder::Payload::kJsonl, response.limits());
  StreamWriterOptions writer;
  writer.start = request;
  writer.descriptor = stream->config.descriptor();
  writer.next_offset = DurableOffset(stream->plan, "");
  writer.epochs = WriterEpochs(WriterEpoch(stream->plan, ""), /*sole_caller=*/true);
  writer.plan_version = stream->plan.plan_version();
  writer.retry_for = options_.retry_for;
  stream->number = static_cast<int>(planned_streams_.size());
  writer.on_durable = [this, number = stream->number](int64_t durable_offset,
                                                      const std::string& checkpoint_id) {
    OnDurable(number, durable_offset, checkpoint_id);
  };
  stream->writer = std::make_unique<StreamWriter>(client_, &window_, std::move(writer));
  planned_streams_.push_back(stream);
  return absl::OkStatus();
}

absl::Status TargetSession::Replan(TargetStream* stream) {
  SYNCLINE_RETURN_IF_ERROR(Flush(stream));
  SYNCLINE_RETURN_IF_ERROR(CloseCall(stream));
  const v1::StartSyncRequest request = MakeRequest(*stream);
  SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse response, Extend(request));
  stream->config = request.streams(0);
  // The first changes of the plan are those that were reported before.
  v1::StreamPlan added = response.streams(0);
  added.mutable_changes()->DeleteSubrange(
      0, std::min(added.changes_size(), stream->plan.changes_size()));
  added.mutable_warnings()->DeleteSubrange(
      0, std::min(added.warnings_size(), stream->plan.warnings_size()));
  planned_(added);
  stream->plan = response.streams(0);
  stream->writer->UsePlan(request, stream->plan.plan_version());
  return absl::OkStatus();
}

absl::Status TargetSession::Flush(TargetStream* stream) {
  if (stream->batch->empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(MakeRoom(stream->batch->bytes()));
  const int64_t records = stream->batch->records();
  return stream->writer->Send(stream->batch->Take(), records);
}

absl::Status TargetSession::FlushAll() {
  for (TargetStream* const stream : planned_streams_) SYNCLINE_RETURN_IF_ERROR(Flush(stream));
  return absl::OkStatus();
}

absl::Status TargetSession::MakeRoom(int64_t bytes) {
  while (!window_.WaitForRoom(bytes, options_.window_timeout)) {
    TargetStream* fullest = nullptr;
    for (TargetStream* const stream : planned_streams_) {
      const int64_t held = stream->writer->held_bytes();
      if (held > 0 && (fullest == nullptr || held > fullest->writer->held_bytes())) {
        fullest = stream;
      }
    }
    if (fullest != nullptr) SYNCLINE_RETURN_IF_ERROR(CloseCall(fullest));
  }
  return absl::OkStatus();
}

// A STATE may wait for a later checkpoint, so one that is due and not sent is moved to the newest
// STATE and keeps its number.
void TargetSession::NoteCheckpoint() {
  if (due_.empty()) ++checkpoint_;
  due_.clear();
  for (const TargetStream* const stream : planned_streams_) {
    if (stream->records == 0) continue;
    due_.push_back({stream->number, stream->writer->next_offset() + stream->batch->records()});
  }
  checkpoint_records_ = records_;
}

absl::Status TargetSession::SendReadyCheckpoint() {
  if (due_.empty() || progress_.HasUncommitted()) return absl::OkStatus();
  return SendCheckpoint();
}

// The checkpoint is sent on the call of the stream with the most records, which usually is open.
absl::Status TargetSession::SendCheckpoint() {
  if (due_.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(FlushAll());
  TargetStream* sender = nullptr;
  v1::Checkpoint checkpoint;
  checkpoint.set_checkpoint_id(absl::StrCat(kCheckpointPrefix, checkpoint_));
  for (const CheckpointProgress::Position& due : due_) {
    TargetStream* const stream = planned_streams_[static_cast<size_t>(due.stream)];
    v1::Position* const position = checkpoint.add_positions();
    *position->mutable_descriptor() = stream->config.descriptor();
    position->set_offset(due.offset);
    if (sender == nullptr || stream->records > sender->records) sender = stream;
  }
  progress_.Sending(checkpoint_, sender->number, std::exchange(due_, {}));
  sender->sent_checkpoint = checkpoint_;
  return sender->writer->SendCheckpoint(checkpoint);
}

absl::Status TargetSession::CloseCall(TargetStream* stream) {
  SYNCLINE_RETURN_IF_ERROR(stream->writer->Close());
  progress_.Durable(stream->number, stream->writer->next_offset());
  states_.Committed(progress_.Stored(stream->number, stream->sent_checkpoint));
  return absl::OkStatus();
}

void TargetSession::OnDurable(int stream, int64_t durable_offset,
                              const std::string& checkpoint_id) {
  int64_t committed = progress_.Durable(stream, durable_offset);
  absl::string_view number = checkpoint_id;
  int64_t stored = 0;
  if (absl::ConsumePrefix(&number, kCheckpointPrefix) && absl::SimpleAtoi(number, &stored)) {
    committed = progress_.Stored(stream, stored);
  }
  states_.Committed(committed);
}

}  // namespace syncline::client
