#include "client/sources/csv_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/json_text.h"

namespace syncline::client {

absl::StatusOr<std::vector<std::string>> ReadCsvHeader(const std::vector<CsvField>& header) {
  std::vector<std::string> columns;
  for (const CsvField& field : header) {
    if (!IsUtf8(field.text)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the name of column ", columns.size() + 1,
          " in the header of the CSV file is not UTF-8; convert the file to UTF-8 (for example "
          "iconv -f latin1 -t utf-8)"));
    }
    std::string name =
        field.text.empty() ? absl::StrCat("column_", columns.size() + 1) : std::string(field.text);
    if (std::count(columns.begin(), columns.end(), name) > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header of the CSV file names the column ", name, " twice"));
    }
    columns.push_back(std::move(name));
  }
  return columns;
}

CsvSource::CsvSource(LineReader* reader, char delimiter, ColumnTypes types)
    : reader_(reader), types_(std::move(types)), parser_(delimiter) {}

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

absl::Status CsvSource::TakeHeader(const std::vector<CsvField>& fields) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> columns, ReadCsvHeader(fields));
  for (const std::string& column : columns) {
    keys_.push_back(absl::StrCat(JsonString(column), ":"));
    const auto type = types_.find(column);
    column_types_.push_back(type == types_.end() ? InferredType::kString : type->second);
  }
  return absl::OkStatus();
}

absl::Status CsvSource::TakeRow(const std::vector<CsvField>& fields, Sink sink) {
  if (keys_.empty()) return TakeHeader(fields);
  line_.clear();
  if (fields.size() != keys_.size()) {
    for (const CsvField& field : fields) {
      line_.push_back(line_.empty() ? '[' : ',');
      AppendJsonString(field.text, &line_);
    }
    line_.push_back(']');
    return sink({line_, parser_.row_line(), "FIELD_COUNT"});
  }
  line_.push_back('{');
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].text.empty() && !fields[i].quoted) continue;
    if (line_.size() > 1) line_.push_back(',');
    line_.append(keys_[i]);
    AppendValue(fields[i], column_types_[i]);
  }
  line_.push_back('}');
  return sink({line_, parser_.row_line(), ""});
}

void CsvSource::AppendValue(const CsvField& field, InferredType type) {
  bool as_json = false;
  switch (type) {
    case InferredType::kInteger:
    case InferredType::kNumber:
      as_json = IsJsonNumber(field.text);
      break;
    case InferredType::kBoolean:
      if (absl::EqualsIgnoreCase(field.text, "true")) {
        line_.append("true");
        return;
      }
      if (absl::EqualsIgnoreCase(field.text, "false")) {
        line_.append("false");
        return;
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
}

}  // namespace syncline::client
