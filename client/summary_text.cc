#include "client/summary_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/list_text.h"
#include "client/progress.h"

namespace syncline::client {
namespace {

std::string Word(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

std::string TimeText(const google::protobuf::Timestamp& time,
                     absl::string_view format = "%Y-%m-%d %H:%M:%S") {
  if (time.seconds() == 0) return "-";
  return absl::FormatTime(format, absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

// Returns how long ago `time` was, in a suitable unit.
std::string AgeText(const google::protobuf::Timestamp& time, absl::Time now) {
  if (time.seconds() == 0) return "-";
  const int64_t seconds = std::max<int64_t>(0, absl::ToUnixSeconds(now) - time.seconds());
  if (seconds < 120) return absl::StrCat(seconds, " s ago");
  if (seconds < int64_t{2} * 3600) return absl::StrCat(seconds / 60, " min ago");
  if (seconds < int64_t{2} * 86400) return absl::StrCat(seconds / 3600, " h ago");
  return absl::StrCat(seconds / 86400, " days ago");
}

// Returns a table of the columns whose values changed, or an empty string if there are none.
std::string FormatColumns(const v1::SyncSummary& sync) {
  std::vector<std::vector<std::string>> rows = {
      {"STREAM", "COLUMN", "NULLED", "TRUNCATED", "UNDECLARED"}};
  for (const v1::StreamSummary& stream : sync.streams()) {
    for (const v1::ColumnCounts& column : stream.columns()) {
      rows.push_back({StreamTitle(stream.descriptor()), column.column(),
                      absl::StrCat(column.nulled()), absl::StrCat(column.truncated()),
                      absl::StrCat(column.undeclared())});
    }
  }
  return rows.size() == 1 ? "" : "\n" + FormatTable(rows);
}

// Returns why streams could not start and how the latest call of others failed, or an empty string
// if there are no errors.
std::string FormatErrors(const v1::SyncSummary& sync) {
  std::string text;
  for (const v1::StreamSummary& stream : sync.streams()) {
    const std::string title = StreamTitle(stream.descriptor());
    std::string sentence;
    if (stream.has_error()) {
      sentence = absl::StrCat(title, " could not start: ", stream.error().message());
    } else if (stream.has_last_error()) {
      sentence = absl::StrCat(title, " last failed at ", TimeText(stream.last_error_at()),
                              " UTC: ", stream.last_error().message());
    }
    if (sentence.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "\n" : "", WrapText(sentence, 0));
  }
  return text;
}

// Returns the message of the latest error, or an empty string if there is none.
std::string LastError(const v1::SyncSummary& sync) {
  const v1::StreamSummary* last = nullptr;
  for (const v1::StreamSummary& stream : sync.streams()) {
    if (!stream.has_last_error()) continue;
    if (last == nullptr || stream.last_error_at().seconds() > last->last_error_at().seconds()) {
      last = &stream;
    }
  }
  return last == nullptr ? "" : last->last_error().message();
}

bool HasEnded(const v1::SyncSummary& sync) {
  return sync.state() == v1::SYNC_STATE_FINISHED || sync.state() == v1::SYNC_STATE_CANCELLED;
}

// Returns what does not fit into the line of the stream.
std::vector<std::string> StreamNotes(const v1::StreamSummary& stream) {
  std::string note = absl::StrCat("table ", stream.table_schema(), ".", stream.table_name(), ", ",
                                  stream.bytes(), " bytes");
  for (const auto& [count, word] :
       std::vector<std::pair<int64_t, const char*>>{{stream.values_nulled(), "nulled"},
                                                    {stream.values_truncated(), "truncated"},
                                                    {stream.fields_undeclared(), "undeclared"}}) {
    if (count > 0) absl::StrAppend(&note, ", ", count, " ", word);
  }
  std::vector<std::string> notes = {std::move(note)};
  std::string writers;
  for (const v1::WriterPosition& writer : stream.writers()) {
    absl::StrAppend(&writers, writers.empty() ? "writers" : "", " ",
                    writer.writer_id().empty() ? "" : absl::StrCat(writer.writer_id(), ":"),
                    writer.durable_offset());
  }
  if (!writers.empty()) notes.push_back(std::move(writers));
  return notes;
}

}  // namespace

std::string FormatSyncs(const std::vector<v1::SyncSummary>& syncs, absl::Time now) {
  std::vector<ListEntry> entries;
  for (const v1::SyncSummary& sync : syncs) {
    int64_t written = 0;
    int64_t rejected = 0;
    int completed = 0;
    for (const v1::StreamSummary& stream : sync.streams()) {
      if (stream.state() == v1::STREAM_STATE_COMPLETED) ++completed;
      written += stream.records_written();
      rejected += stream.records_rejected();
    }
    ListEntry& entry = entries.emplace_back();
    entry.cells = {sync.sync_id(),
                   StateName(sync.state()),
                   TimeText(sync.started_at(), "%Y-%m-%d %H:%M"),
                   absl::StrCat(completed, "/", sync.streams_size()),
                   ShortNumber(static_cast<double>(written)),
                   ShortNumber(static_cast<double>(rejected))};
    if (!HasEnded(sync)) {
      entry.notes.push_back(absl::StrCat("last progress ", AgeText(sync.last_progress_at(), now)));
    }
    if (const std::string error = LastError(sync); !error.empty()) {
      entry.notes.push_back("last error: " + error);
    }
  }
  return FormatList({"SYNC", "STATE", "STARTED (UTC)", "STREAMS", "ROWS", "REJECTED"}, entries);
}

std::string FormatSync(const v1::SyncSummary& sync) {
  std::string text = absl::StrCat(
      "sync        ", sync.sync_id(), "\nstate       ", StateName(sync.state()), "\nconnection  ",
      sync.connection_id().empty() ? "-" : sync.connection_id(), "\nstarted     ",
      TimeText(sync.started_at()), " UTC\nfinished    ", TimeText(sync.finished_at()),
      sync.finished_at().seconds() == 0 ? "" : " UTC", "\n\n");
  std::vector<ListEntry> entries;
  for (const v1::StreamSummary& stream : sync.streams()) {
    entries.push_back(
        {{StreamTitle(stream.descriptor()), StateName(stream.state()),
          OutcomeName(stream.outcome()), absl::StrCat(stream.generation_id()),
          absl::StrCat(stream.records_written()), absl::StrCat(stream.records_rejected())},
         StreamNotes(stream)});
  }
  return absl::StrCat(
      text, FormatList({"STREAM", "STATE", "OUTCOME", "GENERATION", "ROWS", "REJECTED"}, entries),
      FormatColumns(sync), FormatErrors(sync));
}

std::string StreamTitle(const v1::StreamDescriptor& descriptor) {
  return descriptor.namespace_().empty()
             ? descriptor.name()
             : absl::StrCat(descriptor.namespace_(), ".", descriptor.name());
}

std::string StateName(v1::SyncState state) {
  return Word(v1::SyncState_Name(state), "SYNC_STATE_");
}

std::string StateName(v1::StreamState state) {
  return Word(v1::StreamState_Name(state), "STREAM_STATE_");
}

std::string OutcomeName(v1::Outcome outcome) {
  if (outcome == v1::OUTCOME_UNSPECIFIED) return "-";
  return Word(v1::Outcome_Name(outcome), "OUTCOME_");
}

}  // namespace syncline::client
