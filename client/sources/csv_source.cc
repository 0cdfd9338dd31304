#include "client/sources/csv_source.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "base/status_macros.h"
#include "client/json_text.h"

namespace syncline::client {

CsvSource::CsvSource(LineReader* reader, CsvOptions options, ColumnTypes types)
    : reader_(reader),
      options_(std::move(options)),
      types_(std::move(types)),
      parser_(options_.dialect) {}

absl::StatusOr<LineReader::Event> CsvSource::Next(bool report_idle, Sink sink) {
  const auto take_row = [&](const std::vector<CsvField>& fields) { return TakeRow(fields, sink); };
  absl::string_view lines;
  SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, reader_->Next(report_idle, &lines));
  if (event == LineReader::Event::kLines) {
    SYNCLINE_RETURN_IF_ERROR(parser_.Feed(lines, take_row));
  } else if (event == LineReader::Event::kEnd && !finished_) {
    finished_ = true;
    SYNCLINE_RETURN_IF_ERROR(parser_.Finish(take_row));
  }
  return event;
}

absl::Status CsvSource::TakeFirstRow(const std::vector<CsvField>& fields, Sink sink) {
  SYNCLINE_ASSIGN_OR_RETURN(const CsvColumns found, ReadCsvColumns(fields, options_));
  field_count_ = found.columns.size();
  for (size_t i = 0; i < field_count_; ++i) {
    if (!found.columns[i].selected) continue;
    const auto type = types_.find(found.columns[i].name);
    columns_.push_back({i, absl::StrCat(JsonString(found.columns[i].name), ":"),
                        type == types_.end() ? InferredType::kString : type->second});
  }
  return found.first_row_is_record ? TakeRow(fields, sink) : absl::OkStatus();
}

absl::Status CsvSource::TakeRow(const std::vector<CsvField>& fields, Sink sink) {
  if (field_count_ == 0) return TakeFirstRow(fields, sink);
  line_.clear();
  if (fields.size() != field_count_) {
    for (const CsvField& field : fields) {
      line_.push_back(line_.empty() ? '[' : ',');
      AppendJsonString(field.text, &line_);
    }
    line_.push_back(']');
    return sink({line_, parser_.row_line(), "FIELD_COUNT"});
  }
  absl::string_view unreadable;
  line_.push_back('{');
  for (const Column& column : columns_) {
    const CsvField& field = fields[column.field];
    if (options_.IsNull(field)) continue;
    if (line_.size() > 1) line_.push_back(',');
    line_.append(column.key);
    if (!AppendValue(field, column.type)) unreadable = "DECIMAL_POINT";
  }
  line_.push_back('}');
  return sink({line_, parser_.row_line(), unreadable});
}

bool CsvSource::AppendValue(const CsvField& field, InferredType type) {
  bool as_json = false;
  switch (type) {
    case InferredType::kInteger:
    case InferredType::kNumber:
      if (options_.decimal_comma && MayGroupDigits(field.text)) {
        AppendJsonString(field.text, &line_);
        return false;
      }
      as_json = IsJsonNumber(field.text);
      if (!as_json && options_.decimal_comma && IsDecimalCommaNumber(field.text)) {
        const size_t comma = field.text.find(',');
        absl::StrAppend(&line_, field.text.substr(0, comma), ".", field.text.substr(comma + 1));
        return true;
      }
      break;
    case InferredType::kBoolean:
      if (absl::EqualsIgnoreCase(field.text, "true")) {
        line_.append("true");
        return true;
      }
      if (absl::EqualsIgnoreCase(field.text, "false")) {
        line_.append("false");
        return true;
      }
      break;
    case InferredType::kObject:
    case InferredType::kArray:
    case InferredType::kAny:
      // A line break between tokens would end the JSON line.
      as_json = ParseJson(field.text).has_value() && !absl::StrContains(field.text, '\n');
      break;
    case InferredType::kNone:
    case InferredType::kDate:
    case InferredType::kTimestamp:
    case InferredType::kTimestampTz:
    case InferredType::kString:
      break;
  }
  if (as_json) {
    line_.append(field.text.data(), field.text.size());
  } else {
    AppendJsonString(field.text, &line_);
  }
  return true;
}

}  // namespace syncline::client
