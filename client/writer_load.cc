#include "client/writer_load.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "client/retry.h"
#include "client/retrying_calls.h"

namespace syncline::client {

WriterLoad::WriterLoad(SyncClient* client, const LoadOptions* options, LoadSource source,
                       ReplayWindow* window, Progress progress)
    : client_(client),
      options_(*options),
      source_(std::move(source)),
      window_(window),
      progress_(std::move(progress)) {}

void WriterLoad::Begin(const v1::StartSyncResponse& started) {
  UsePlan(started);
  epochs_ = WriterEpochs(WriterEpoch(plan_, source_.writer_id), options_.sole_caller);
  skipped_ = durable_offset_;
}

absl::Status WriterLoad::Run() {
  Retry retry(client_->outage(), options_.retry_for, options_.sole_caller);
  absl::Status status = Attempt();
  while (!status.ok() && input_fault_.ok()) {
    if (!source_.rereadable) return status;
    SYNCLINE_RETURN_IF_ERROR(retry.WaitAfter(status, epochs_.opened()));
    const int64_t durable_before = durable_offset_;
    SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse again,
                              StartSyncWithRetries(client_, options_.start, options_.retry_for));
    UsePlan(again);
    epochs_.Resume(WriterEpoch(plan_, source_.writer_id));
    if (durable_offset_ > durable_before) retry.Reset();
    status = Attempt();
  }
  if (source_.release != nullptr) source_.release();
  return input_fault_.ok() ? status : input_fault_;
}

void WriterLoad::UsePlan(const v1::StartSyncResponse& started) {
  if (started.streams_size() > 0) plan_ = started.streams(0);
  durable_offset_ = DurableOffset(plan_, source_.writer_id);
  batch_ =
      std::make_unique<RecordBatchBuilder>(RecordBatchBuilder::Payload::kJsonl, started.limits());
}

absl::Status WriterLoad::NameInput(const absl::Status& status) const {
  return source_.name.empty() ? status : WithContext(status, source_.name);
}

absl::Status WriterLoad::Attempt() {
  SYNCLINE_ASSIGN_OR_RETURN(const auto source, source_.open(plan_));
  StreamWriterOptions writer_options;
  writer_options.start = options_.start;
  writer_options.descriptor = options_.start.streams(0).descriptor();
  writer_options.writer_id = source_.writer_id;
  writer_options.next_offset = durable_offset_;
  writer_options.epochs = epochs_;
  writer_options.retry_for = options_.retry_for;
  StreamWriter writer(client_, source_.rereadable ? nullptr : window_, std::move(writer_options));
  const absl::Status sent = SendAll(source.get(), &writer);
  epochs_ = writer.epochs();
  durable_offset_ = std::max(durable_offset_, writer.durable_offset());
  return sent;
}

absl::Status WriterLoad::SendAll(RecordSource* source, StreamWriter* writer) {
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
      input_fault_ = NameInput(event.status());  // the records before it are loaded
      if (Flush(writer).ok()) writer->Close().IgnoreError();
      return input_fault_;
    }
    progress_(seen_, source_.position == nullptr ? source->bytes() : source_.position());
    if (*event == LineReader::Event::kLines) continue;
    SYNCLINE_RETURN_IF_ERROR(Flush(writer));
    if (*event == LineReader::Event::kIdle) continue;
    interrupted_ = *event == LineReader::Event::kInterrupted;
    ends_inside_record_ = !interrupted_ && source->ends_inside_record();
    return writer->Close();
  }
}

absl::Status WriterLoad::TakeRecord(const SourceRecord& record, StreamWriter* writer) {
  lines_.Add(seen_, record.line_number);
  if (seen_++ < durable_offset_) return absl::OkStatus();
  if (!batch_->HasRoomFor(record.line.size())) SYNCLINE_RETURN_IF_ERROR(Flush(writer));
  if (record.unreadable.empty()) {
    batch_->Append(record.line);
  } else {
    batch_->AppendUnreadable(record.line, record.unreadable);
  }
  return absl::OkStatus();
}

absl::Status WriterLoad::Flush(StreamWriter* writer) {
  if (batch_->empty()) return absl::OkStatus();
  while (!source_.rereadable && !window_->WaitForRoom(batch_->bytes(), options_.window_timeout)) {
    SYNCLINE_RETURN_IF_ERROR(writer->Close());
  }
  const int64_t records = batch_->records();
  return writer->Send(batch_->Take(), records);
}

}  // namespace syncline::client
