#include "client/sources/jsonl_source.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "client/record_scanner.h"

namespace syncline::client {

absl::Status ForEachRecordLine(absl::string_view lines, int64_t* line_number,
                               RecordSource::Sink visit) {
  while (!lines.empty()) {
    const void* const newline = std::memchr(lines.data(), '\n', lines.size());
    const size_t length =
        newline == nullptr ? lines.size()
                           : static_cast<size_t>(static_cast<const char*>(newline) - lines.data());
    const absl::string_view line = lines.substr(0, length);
    ++*line_number;
    // Nearly every line begins with a brace and is not scanned here.
    const bool blank =
        (line.empty() || line.front() != '{') && std::all_of(line.begin(), line.end(), [](char c) {
          return absl::ascii_isspace(static_cast<unsigned char>(c));
        });
    if (!blank) SYNCLINE_RETURN_IF_ERROR(visit({line, *line_number, ""}));
    lines.remove_prefix(std::min(lines.size(), length + 1));
  }
  return absl::OkStatus();
}

JsonlSource::JsonlSource(LineReader* reader, const ColumnMapping* mapping) : reader_(reader) {
  if (mapping != nullptr && !mapping->is_identity()) mapper_.emplace(mapping);
}

absl::StatusOr<LineReader::Event> JsonlSource::Next(bool report_idle, Sink sink) {
  absl::string_view lines;
  SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, reader_->Next(report_idle, &lines));
  // A survey of the first records does not find a name that is missing.
  if (event == LineReader::Event::kEnd && mapper_.has_value()) {
    SYNCLINE_RETURN_IF_ERROR(mapper_->CheckNames());
  }
  if (event != LineReader::Event::kLines) return event;
  // Only the input's last line may lack a line break.
  const bool last = !absl::EndsWith(lines, "\n");
  SYNCLINE_RETURN_IF_ERROR(ForEachRecordLine(lines, &lines_, [&](const SourceRecord& record) {
    const bool at_end = record.line.data() + record.line.size() == lines.data() + lines.size();
    if (last && at_end) cut_ = !ScanRecord(record.line, [](absl::string_view, JsonText) {});
    if (!mapper_.has_value()) return sink(record);
    SourceRecord mapped = record;
    SYNCLINE_ASSIGN_OR_RETURN(mapped.line, mapper_->Map(record.line));
    return sink(mapped);
  }));
  return event;
}

}  // namespace syncline::client
