#include "client/singer/target_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/singer/batch_files.h"
#include "client/singer/metadata.h"

namespace syncline::client {

TargetSession::TargetSession(SyncClient* client, TargetOptions options, StateQueue::Emit emit,
                             Planned planned)
    : client_(client),
      options_(std::move(options)),
      planned_(std::move(planned)),
      started_at_(absl::Now()),
      window_(options_.replay_window_bytes),
      // The rows of an overwrite that is not published are not those of the next run.
      states_(std::move(emit), options_.config.load_method == LoadMethod::kOverwrite) {}

// The answers of open calls use the other members.
TargetSession::~TargetSession() {
  for (TargetStream* const stream : planned_streams_) stream->writer->Cancel();
}

TargetReport TargetSession::Run(LineReader* input, ProgressLine* progress) {
  absl::Status read = ReadInput(input, progress);
  if (interrupted_ && absl::IsCancelled(read)) read = absl::OkStatus();
  progress->Clear();
  TargetReport report;
  report.status = EndStreams(read);
  // No answer arrives afterwards: every state that may be emitted has been emitted.
  for (TargetStream* const stream : planned_streams_) stream->writer->Cancel();
  if (!read.ok()) report.status = read;
  report.records = records_;
  report.withheld_states = states_.pending();
  report.interrupted = interrupted_;
  {
    MutexLock lock(&mutex_);
    report.incomplete = std::move(incomplete_);
  }
  AddLedgerReport(&report);
  return report;
}

absl::Status TargetSession::ReadInput(LineReader* input, ProgressLine* progress) {
  bool unsent = false;
  while (true) {
    absl::string_view lines;
    SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, input->Next(unsent, &lines));
    switch (event) {
      case LineReader::Event::kLines:
        SYNCLINE_RETURN_IF_ERROR(TakeLines(lines));
        SYNCLINE_RETURN_IF_ERROR(SendReadyCheckpoint());
        unsent = true;
        progress->Update({records_, input->bytes()});
        break;
      case LineReader::Event::kIdle:
        SYNCLINE_RETURN_IF_ERROR(FlushAll());
        SYNCLINE_RETURN_IF_ERROR(SendCheckpoint());
        unsent = false;
        break;
      case LineReader::Event::kInterrupted:
        interrupted_ = true;
        return absl::OkStatus();
      case LineReader::Event::kEnd:
        return absl::OkStatus();
    }
  }
}

absl::Status TargetSession::TakeLines(absl::string_view lines) {
  while (!lines.empty()) {
    const size_t length = std::min(lines.find('\n'), lines.size());
    ++line_number_;
    const absl::StatusOr<SingerMessage> message = ReadSingerMessage(lines.substr(0, length));
    const absl::Status taken = message.ok() ? TakeMessage(*message) : message.status();
    if (!taken.ok()) {
      return absl::IsCancelled(taken) ? taken
                                      : WithContext(taken, absl::StrCat("line ", line_number_));
    }
    lines.remove_prefix(std::min(lines.size(), length + 1));
  }
  return absl::OkStatus();
}

absl::Status TargetSession::TakeMessage(const SingerMessage& message) {
  if (message.kind == SingerKind::kBlank) return absl::OkStatus();
  end_.ends_with_state = message.kind == SingerKind::kState;
  switch (message.kind) {
    case SingerKind::kSchema:
      return TakeSchema(message);
    case SingerKind::kRecord:
      return TakeRecord(message);
    case SingerKind::kState:
      return TakeState(message);
    case SingerKind::kActivateVersion:
      return TakeActivation(message);
    case SingerKind::kBatch:
      return TakeBatch(message);
    case SingerKind::kBlank:
      break;
  }
  return absl::OkStatus();
}

absl::StatusOr<TargetStream*> TargetSession::FindStream(const std::string& name) {
  const auto found = streams_.find(name);
  if (found != streams_.end()) return found->second.get();
  return SingerError(reason::kSingerNoSchema,
                     absl::StrCat("no SCHEMA of stream ", name, " precedes this message"));
}

absl::Status TargetSession::TakeSchema(const SingerMessage& message) {
  std::unique_ptr<TargetStream>& entry = streams_[message.stream];
  if (entry == nullptr) {
    entry = std::make_unique<TargetStream>();
    entry->name = message.stream;
  }
  TargetStream* const stream = entry.get();
  if (stream->planned() && stream->key_properties != message.key_properties) {
    return SingerError(reason::kSingerKeyChanged,
                       absl::StrCat("the key_properties of stream ", message.stream,
                                    " differ from those with which it began"));
  }
  const bool changed = stream->schema != message.schema;
  stream->schema = std::string(message.schema);
  stream->key_properties = message.key_properties;
  return changed && stream->planned() ? Replan(stream) : absl::OkStatus();
}

absl::Status TargetSession::UseVersion(TargetStream* stream, std::optional<int64_t> version) {
  if (!stream->planned()) {
    stream->version = version;
    return Plan(stream);
  }
  if (stream->version == version || options_.config.load_method == LoadMethod::kOverwrite) {
    return absl::OkStatus();
  }
  const auto text = [](std::optional<int64_t> value) {
    return value.has_value() ? absl::StrCat("version ", *value) : "no version";
  };
  return SingerError(reason::kSingerVersion,
                     absl::StrCat("the message has ", text(version), ", but stream ", stream->name,
                                  " began with ", text(stream->version)));
}

absl::Status TargetSession::TakeRecord(const SingerMessage& message) {
  SYNCLINE_ASSIGN_OR_RETURN(TargetStream* const stream, FindStream(message.stream));
  SYNCLINE_RETURN_IF_ERROR(CheckKey(message.record, stream->key_properties));
  SYNCLINE_RETURN_IF_ERROR(UseVersion(stream, message.version));
  return AddRecord(stream, message.record, message.time_extracted);
}

absl::Status TargetSession::TakeBatch(const SingerMessage& message) {
  SYNCLINE_ASSIGN_OR_RETURN(TargetStream* const stream, FindStream(message.stream));
  if (!stream->planned()) SYNCLINE_RETURN_IF_ERROR(Plan(stream));
  for (const std::string& url : message.manifest) {
    const absl::Status read = ReadBatchFile(url, [&](const SourceRecord& record) -> absl::Status {
      const absl::Status key = CheckKey(record.line, stream->key_properties);
      if (!key.ok()) return WithContext(key, absl::StrCat(url, " line ", record.line_number));
      return AddRecord(stream, record.line, "");
    });
    if (absl::IsCancelled(read) && GetReason(read).empty()) interrupted_ = true;
    SYNCLINE_RETURN_IF_ERROR(read);
  }
  return absl::OkStatus();
}

absl::Status TargetSession::AddRecord(TargetStream* stream, absl::string_view record,
                                      const std::string& time_extracted) {
  std::string extended;
  if (options_.config.add_record_metadata) {
    extended = AddMetadata(record, {absl::Now(), time_extracted, stream->version, started_at_});
    record = extended;
  }
  if (!stream->batch->HasRoomFor(record.size())) {
    SYNCLINE_RETURN_IF_ERROR(Flush(stream));
    SYNCLINE_RETURN_IF_ERROR(SendReadyCheckpoint());
  }
  stream->batch->Append(record);
  stream->activated_last = false;
  ++stream->records;
  ++records_;
  return absl::OkStatus();
}

absl::Status TargetSession::TakeState(const SingerMessage& message) {
  // Without records since the last checkpoint, that one covers this state, too.
  if (records_ > checkpoint_records_) NoteCheckpoint();
  states_.Add(message.state, checkpoint_);
  return SendReadyCheckpoint();
}

absl::Status TargetSession::TakeActivation(const SingerMessage& message) {
  SYNCLINE_ASSIGN_OR_RETURN(TargetStream* const stream, FindStream(message.stream));
  SYNCLINE_RETURN_IF_ERROR(UseVersion(stream, message.version));
  stream->activated = true;
  stream->activated_last = true;
  return absl::OkStatus();
}

}  // namespace syncline::client
