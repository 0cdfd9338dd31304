#include "client/sources/json_source.h"

#include "base/status_macros.h"

namespace syncline::client {

JsonSource::JsonSource(LineReader* reader, const ColumnMapping* mapping) : reader_(reader) {
  if (!mapping->is_identity()) mapper_.emplace(mapping);
}

absl::StatusOr<LineReader::Event> JsonSource::Next(bool report_idle, Sink sink) {
  const auto take = [&](const SourceRecord& record) { return TakeRecord(record, sink); };
  absl::string_view bytes;
  SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, reader_->Next(report_idle, &bytes));
  if (event == LineReader::Event::kLines) {
    SYNCLINE_RETURN_IF_ERROR(splitter_.Feed(bytes, take));
  } else if (event == LineReader::Event::kEnd && !finished_) {
    finished_ = true;
    SYNCLINE_RETURN_IF_ERROR(splitter_.Finish(take));
    if (mapper_.has_value()) SYNCLINE_RETURN_IF_ERROR(mapper_->CheckNames());
  }
  return event;
}

absl::Status JsonSource::TakeRecord(const SourceRecord& record, Sink sink) {
  if (!mapper_.has_value() || !record.unreadable.empty()) return sink(record);
  SourceRecord mapped = record;
  SYNCLINE_ASSIGN_OR_RETURN(mapped.line, mapper_->Map(record.line));
  return sink(mapped);
}

}  // namespace syncline::client
