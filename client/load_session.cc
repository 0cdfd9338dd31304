#include "client/load_session.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/rejected_reasons.h"
#include "client/retry.h"
#include "client/retrying_calls.h"

namespace syncline::client {

LoadSession::LoadSession(SyncClient* client, LoadOptions options, OpenSource open_source,
                         bool rereadable, ProgressLine* progress)
    : client_(client),
      options_(std::move(options)),
      open_source_(std::move(open_source)),
      rereadable_(rereadable),
      progress_(progress),
      window_(options_.replay_window_bytes) {}

LoadReport LoadSession::Run() {
  report_.status = RunToEnd();
  progress_->Clear();
  // Without the summary the report could not include the number of rejected records. After a
  // failure this does not wait for the server.
  report_.status.Update(
      ReadSummary(report_.status.ok() ? options_.retry_for : absl::ZeroDuration()));
  return report_;
}

// Reads the ledger's summary of the stream, with the reasons of rejected records and their lines.
absl::Status LoadSession::ReadSummary(absl::Duration retry_for) {
  const std::string& sync_id = options_.start.sync_id();
  SYNCLINE_ASSIGN_OR_RETURN(const v1::SyncSummary sync,
                            GetSyncWithRetries(client_, sync_id, retry_for));
  if (sync.streams_size() != 1) return absl::OkStatus();
  report_.stream.summary = sync.streams(0);
  if (report_.stream.summary.records_rejected() == 0) return absl::OkStatus();
  auto reasons = ReadRejectedReasons(client_, sync_id, options_.start.streams(0).descriptor());
  if (!reasons.ok()) return absl::OkStatus();  // the summary has their number
  report_.stream.rejected = *std::move(reasons);
  // The lines of other writers' records are not known to this process.
  if (sync.streams(0).writers_size() > 1) return absl::OkStatus();
  for (RejectedReason& reason : report_.stream.rejected) {
    reason.first_line = lines_.FindLine(reason.first_offset).value_or(0);
  }
  return absl::OkStatus();
}

absl::Status LoadSession::RunToEnd() {
  SYNCLINE_RETURN_IF_ERROR(Start());
  if (report_.completed_before) return absl::OkStatus();
  report_.skipped = report_.durable_offset;
  Retry retry(options_.retry_for, options_.sole_caller);
  absl::Status status = Attempt();
  while (!status.ok() && input_fault_.ok()) {
    if (!rereadable_) return status;
    SYNCLINE_RETURN_IF_ERROR(retry.WaitAfter(status));
    const int64_t durable_before = report_.durable_offset;
    SYNCLINE_RETURN_IF_ERROR(Start());
    if (report_.durable_offset > durable_before) retry.Reset();
    status = Attempt();
  }
  if (!input_fault_.ok()) {
    // A replaced table needs the whole input, and the records that were read must not be published
    // by the next load.
    if (options_.end_rules.replace && !options_.keep_open) SYNCLINE_RETURN_IF_ERROR(Discard());
    return input_fault_;
  }
  if (report_.interrupted || options_.keep_open) return absl::OkStatus();
  return End();
}

// Gets the plan and the writer's durable offset.
absl::Status LoadSession::Start() {
  SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse response,
                            StartSyncWithRetries(client_, options_.start, options_.retry_for));
  if (response.streams_size() != 1) {
    return absl::InternalError("the server's plan does not match the request");
  }
  report_.stream.plan = response.streams(0);
  report_.durable_offset = DurableOffset(report_.stream.plan, options_.writer_id);
  batch_ =
      std::make_unique<RecordBatchBuilder>(RecordBatchBuilder::Payload::kJsonl, response.limits());
  if (!response.resumed()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const v1::SyncSummary before,
      GetSyncWithRetries(client_, options_.start.sync_id(), options_.retry_for));
  report_.completed_before =
      before.streams_size() == 1 && before.streams(0).state() == v1::STREAM_STATE_COMPLETED;
  return absl::OkStatus();
}

absl::Status LoadSession::Attempt() {
  SYNCLINE_ASSIGN_OR_RETURN(const auto source, open_source_(report_.stream.plan));
  StreamWriterOptions writer_options;
  writer_options.start = options_.start;
  writer_options.descriptor = options_.start.streams(0).descriptor();
  writer_options.writer_id = options_.writer_id;
  writer_options.next_offset = report_.durable_offset;
  writer_options.expected_epoch = WriterEpoch(report_.stream.plan, options_.writer_id);
  writer_options.sole_caller = options_.sole_caller;
  writer_options.retry_for = options_.retry_for;
  StreamWriter writer(client_, rereadable_ ? nullptr : &window_, std::move(writer_options));
  const absl::Status sent = SendAll(source.get(), &writer);
  report_.durable_offset = std::max(report_.durable_offset, writer.durable_offset());
  return sent;
}

absl::Status LoadSession::SendAll(RecordSource* source, StreamWriter* writer) {
  seen_ = 0;
  lines_ = LineIndex();
  absl::Status sent;
  const auto take = [&](const SourceRecord& record) -> absl::Status {
    sent = TakeRecord(record, writer);
    return sent;
  };
  while (true) {
    const auto event = source->Next(!batch_->empty(), take);
    if (!event.ok()) {
      if (!sent.ok()) return sent;
      input_fault_ = event.status();  // the records before it are loaded
      if (Flush(writer).ok()) writer->Close().IgnoreError();
      return event.status();
    }
    progress_->Update(seen_, source->bytes());
    if (*event == LineReader::Event::kLines) continue;
    SYNCLINE_RETURN_IF_ERROR(Flush(writer));
    if (*event == LineReader::Event::kIdle) continue;
    report_.interrupted = *event == LineReader::Event::kInterrupted;
    ends_inside_record_ = !report_.interrupted && source->ends_inside_record();
    return writer->Close();
  }
}

absl::Status LoadSession::TakeRecord(const SourceRecord& record, StreamWriter* writer) {
  lines_.Add(seen_, record.line_number);
  if (seen_++ < report_.durable_offset) return absl::OkStatus();
  if (!batch_->HasRoomFor(record.line.size())) SYNCLINE_RETURN_IF_ERROR(Flush(writer));
  if (record.unreadable.empty()) {
    batch_->Append(record.line);
  } else {
    batch_->AppendUnreadable(record.line, record.unreadable);
  }
  return absl::OkStatus();
}

absl::Status LoadSession::Flush(StreamWriter* writer) {
  if (batch_->empty()) return absl::OkStatus();
  while (!rereadable_ && !window_.WaitForRoom(batch_->bytes(), options_.window_timeout)) {
    SYNCLINE_RETURN_IF_ERROR(writer->Close());
  }
  const int64_t records = batch_->records();
  return writer->Send(batch_->Take(), records);
}

v1::CompleteStreamRequest LoadSession::Completion(v1::StreamStatus status) const {
  v1::CompleteStreamRequest request;
  request.set_sync_id(options_.start.sync_id());
  *request.mutable_descriptor() = options_.start.streams(0).descriptor();
  request.set_status(status);
  return request;
}

// Publishes the stream unless a rule or the guard forbids it.
absl::Status LoadSession::End() {
  if (options_.staged) {
    SYNCLINE_RETURN_IF_ERROR(ReadSummary(options_.retry_for));
    report_.refused =
        FindReasonNotToPublish(options_.end_rules, report_.stream, ends_inside_record_);
    if (!report_.refused.empty()) return Discard();
  }
  if (options_.validate_only) return Validate();
  const absl::Status completed = Complete();
  const std::string reason = GetReason(completed);
  if (reason != reason::kPublishGuard && reason != reason::kAllRejected) return completed;
  report_.refused = std::string(completed.message());
  return Discard();
}

absl::Status LoadSession::Complete() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_COMPLETE);
  // This process cannot count the records of other writers.
  if (options_.writer_id.empty()) request.set_expected_records(seen_);
  *request.mutable_guard() = options_.start.streams(0).guard();
  return CompleteStreamWithRetries(client_, request, options_.retry_for).status();
}

absl::Status LoadSession::Validate() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_COMPLETE);
  request.set_validate_only(true);
  *request.mutable_guard() = options_.start.streams(0).guard();
  SYNCLINE_ASSIGN_OR_RETURN(const v1::CompleteStreamResponse response,
                            CompleteStreamWithRetries(client_, request, options_.retry_for));
  report_.validation = response.validation();
  return Discard();
}

// Ends the stream and discards the records that it staged, so that the next load does not publish
// them. Records that earlier loads staged are kept.
absl::Status LoadSession::Discard() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_INCOMPLETE);
  request.set_discard_staged(true);
  request.set_keep_earlier(true);
  SYNCLINE_ASSIGN_OR_RETURN(const v1::CompleteStreamResponse response,
                            CompleteStreamWithRetries(client_, request, options_.retry_for));
  report_.earlier_rows_kept = response.outcome() == v1::OUTCOME_KEPT_FOR_RESUME;
  return absl::OkStatus();
}

}  // namespace syncline::client
