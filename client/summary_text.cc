#include "client/summary_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace syncline::client {
namespace {

std::string Word(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

// Returns how long ago `time` was, in a suitable unit.
std::string AgeText(const google::protobuf::Timestamp& time, absl::Time now) {
  if (time.seconds() == 0) return "-";
  const int64_t seconds = std::max<int64_t>(0, absl::ToUnixSeconds(now) - time.seconds());
  if (seconds < 120) return absl::StrCat(seconds, " s ago");
  if (seconds < 2 * 3600) return absl::StrCat(seconds / 60, " min ago");
  if (seconds < 2 * 86400) return absl::StrCat(seconds / 3600, " h ago");
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
    const std::string begin =
        absl::StrCat(text.empty() ? "\n" : "", StreamTitle(stream.descriptor()));
    if (stream.has_error()) {
      absl::StrAppend(&text, begin, " could not start: ", stream.error().message(), "\n");
    } else if (stream.has_last_error()) {
      absl::StrAppend(&text, begin, " last failed at ", TimeText(stream.last_error_at()),
                      " UTC: ", stream.last_error().message(), "\n");
    }
  }
  return text;
}

// Returns the message of the latest error, or "-" if there is none.
std::string LastError(const v1::SyncSummary& sync) {
  const v1::StreamSummary* last = nullptr;
  for (const v1::StreamSummary& stream : sync.streams()) {
    if (!stream.has_last_error()) continue;
    if (last == nullptr || stream.last_error_at().seconds() > last->last_error_at().seconds()) {
      last = &stream;
    }
  }
  return last == nullptr ? "-" : last->last_error().message();
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      absl::StrAppendFormat(&text, "%-*s  ", static_cast<int>(widths[i]), row[i]);
    }
    if (!row.empty()) absl::StrAppend(&text, row.back());
    text.push_back('\n');
  }
  return text;
}

std::string FormatSyncs(const std::vector<v1::SyncSummary>& syncs, absl::Time now) {
  std::vector<std::vector<std::string>> rows = {{"SYNC", "STATE", "STARTED (UTC)", "LAST PROGRESS",
                                                 "FINISHED (UTC)", "COMPLETED", "ROWS", "REJECTED",
                                                 "LAST ERROR"}};
  for (const v1::SyncSummary& sync : syncs) {
    int64_t written = 0;
    int64_t rejected = 0;
    int completed = 0;
    for (const v1::StreamSummary& stream : sync.streams()) {
      if (stream.state() == v1::STREAM_STATE_COMPLETED) ++completed;
      written += stream.records_written();
      rejected += stream.records_rejected();
    }
    rows.push_back({sync.sync_id(), StateName(sync.state()), TimeText(sync.started_at()),
                    AgeText(sync.last_progress_at(), now), TimeText(sync.finished_at()),
                    absl::StrCat(completed, "/", sync.streams_size()), absl::StrCat(written),
                    absl::StrCat(rejected), LastError(sync)});
  }
  return FormatTable(rows);
}

std::string FormatSync(const v1::SyncSummary& sync) {
  std::string text = absl::StrCat(
      "sync        ", sync.sync_id(), "\nstate       ", StateName(sync.state()), "\nconnection  ",
      sync.connection_id().empty() ? "-" : sync.connection_id(), "\nstarted     ",
      TimeText(sync.started_at()), " UTC\nfinished    ", TimeText(sync.finished_at()),
      sync.finished_at().seconds() == 0 ? "" : " UTC", "\n\n");
  std::vector<std::vector<std::string>> rows = {{"STREAM", "TABLE", "STATE", "OUTCOME",
                                                 "GENERATION", "ROWS", "REJECTED", "NULLED",
                                                 "TRUNCATED", "UNDECLARED", "BYTES", "WRITERS"}};
  for (const v1::StreamSummary& stream : sync.streams()) {
    std::string writers;
    for (const v1::WriterPosition& writer : stream.writers()) {
      absl::StrAppend(&writers, writers.empty() ? "" : " ",
                      writer.writer_id().empty() ? "" : absl::StrCat(writer.writer_id(), ":"),
                      writer.durable_offset());
    }
    rows.push_back({StreamTitle(stream.descriptor()),
                    absl::StrCat(stream.table_schema(), ".", stream.table_name()),
                    StateName(stream.state()), OutcomeName(stream.outcome()),
                    absl::StrCat(stream.generation_id()), absl::StrCat(stream.records_written()),
                    absl::StrCat(stream.records_rejected()), absl::StrCat(stream.values_nulled()),
                    absl::StrCat(stream.values_truncated()),
                    absl::StrCat(stream.fields_undeclared()), absl::StrCat(stream.bytes()),
                    writers.empty() ? "-" : writers});
  }
  return absl::StrCat(text, FormatTable(rows), FormatColumns(sync), FormatErrors(sync));
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
