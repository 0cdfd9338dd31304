#include "client/sources/input_survey.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/record_mapper.h"
#include "client/sources/json_splitter.h"
#include "client/sources/jsonl_source.h"

namespace syncline::client {
namespace {

class Surveyor {
 public:
  Surveyor(const InputFormat& format, int64_t max_records)
      : format_(format), max_records_(max_records), parser_(format.csv.dialect) {
    // The options of CSV have the mapping, too.
    if (format_.file != FileFormat::kCsv && !format_.mapping.is_identity()) {
      mapper_.emplace(&format_.mapping);
    }
  }

  absl::Status Take(absl::string_view text) {
    switch (format_.file) {
      case FileFormat::kCsv:
        CheckText(text, format_.csv.dialect.line_end, parser_.line());
        return parser_.Feed(text, [this](const auto& fields) { return TakeRow(fields); });
      case FileFormat::kJson:
        return splitter_.Feed(text, [this](const auto& record) { return TakeRecord(record); });
      case FileFormat::kJsonLines:
        break;
    }
    CheckText(text, '\n', lines_ + 1);
    unended_line_ = !absl::EndsWith(text, "\n");
    return ForEachRecordLine(text, &lines_,
                             [this](const SourceRecord& record) { return TakeRecord(record); });
  }

  absl::StatusOr<InputSurvey> Finish(bool whole) {
    if (whole && format_.file == FileFormat::kCsv) {
      SYNCLINE_RETURN_IF_ERROR(
          parser_.Finish([this](const auto& fields) { return TakeRow(fields); }));
    }
    if (whole && format_.file == FileFormat::kJson) {
      SYNCLINE_RETURN_IF_ERROR(
          splitter_.Finish([this](const auto& record) { return TakeRecord(record); }));
    }
    survey_.whole = whole && !more_records_;
    survey_.ends_inside_record = survey_.whole && format_.file == FileFormat::kJsonLines &&
                                 survey_.records > 0 && unended_line_ && !last_is_object_;
    if (mapper_.has_value()) {
      survey_.input_names = mapper_->input_names();
      // Later records may have the other columns.
      if (survey_.whole && survey_.records > 0) {
        SYNCLINE_RETURN_IF_ERROR(format_.mapping.CheckNames(survey_.input_names));
      }
    }
    return std::move(survey_);
  }

 private:
  // Looks for text that is not UTF-8 in whole lines, the first of which has the number `line`.
  void CheckText(absl::string_view text, char line_end, int64_t line) {
    if (survey_.invalid_text.line != 0) return;
    const size_t at = FindInvalidUtf8(text);
    if (at == text.size()) return;
    const absl::string_view before = text.substr(0, at);
    const size_t start = before.rfind(line_end);
    survey_.invalid_text.line = line + std::count(before.begin(), before.end(), line_end);
    survey_.invalid_text.byte =
        static_cast<int64_t>(start == absl::string_view::npos ? at + 1 : at - start);
    survey_.invalid_text.value = static_cast<unsigned char>(text[at]);
  }

  absl::Status TakeRecord(const SourceRecord& record) {
    if (survey_.records == max_records_) {
      more_records_ = true;
      return absl::OkStatus();
    }
    ++survey_.records;
    absl::string_view line = record.line;
    if (format_.file == FileFormat::kJson) {
      CheckText(line, '\n', record.line_number);
      if (!record.unreadable.empty()) return absl::OkStatus();
    }
    if (mapper_.has_value()) {
      SYNCLINE_ASSIGN_OR_RETURN(line, mapper_->Map(line));
    }
    last_is_object_ = survey_.inference.AddLine(line);
    survey_.objects += last_is_object_ ? 1 : 0;
    return absl::OkStatus();
  }

  // In text with decimal commas a point may group digits, so that 1.234 may be 1234.
  InferredType InferFieldType(absl::string_view text) const {
    const InferredType type = InferTextType(text);
    if (!format_.csv.decimal_comma) return type;
    if (IsDecimalCommaNumber(text)) return InferredType::kNumber;
    return type == InferredType::kNumber && absl::StrContains(text, '.') ? InferredType::kString
                                                                         : type;
  }

  absl::Status TakeFirstRow(const std::vector<CsvField>& fields) {
    SYNCLINE_ASSIGN_OR_RETURN(CsvColumns found, ReadCsvColumns(fields, format_.csv));
    field_count_ = found.columns.size();
    for (size_t i = 0; i < field_count_; ++i) {
      if (!found.columns[i].selected) continue;
      fields_.push_back(i);
      survey_.inference.AddValue(found.columns[i].name, InferredType::kNone);
    }
    survey_.input_names = std::move(found.input_names);
    return found.first_row_is_record ? TakeRow(fields) : absl::OkStatus();
  }

  absl::Status TakeRow(const std::vector<CsvField>& fields) {
    if (field_count_ == 0) return TakeFirstRow(fields);
    if (survey_.records == max_records_) {
      more_records_ = true;
      return absl::OkStatus();
    }
    ++survey_.records;
    if (fields.size() != field_count_) return absl::OkStatus();
    ++survey_.objects;
    for (size_t i = 0; i < fields_.size(); ++i) {
      const CsvField& field = fields[fields_[i]];
      if (!survey_.inference.CanChange(i) || format_.csv.IsNull(field)) continue;
      survey_.inference.AddValue(i, InferFieldType(field.text));
    }
    return absl::OkStatus();
  }

  const InputFormat& format_;
  const int64_t max_records_;
  CsvParser parser_;
  JsonSplitter splitter_;
  std::optional<RecordMapper> mapper_;
  InputSurvey survey_;
  size_t field_count_ = 0;      // of the first row of CSV; 0 before it
  std::vector<size_t> fields_;  // those that are loaded, in the order of the inferred columns
  int64_t lines_ = 0;
  bool more_records_ = false;  // than max_records_
  bool unended_line_ = false;
  bool last_is_object_ = false;
};

}  // namespace

absl::StatusOr<InputSurvey> SurveyInput(LineReader* reader, const InputFormat& format,
                                        int64_t max_bytes) {
  Surveyor surveyor(format, std::numeric_limits<int64_t>::max());
  absl::string_view text;
  while (reader->bytes() < max_bytes) {
    SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, reader->Next(false, &text));
    if (event == LineReader::Event::kEnd) return surveyor.Finish(true);
    if (event == LineReader::Event::kInterrupted) {
      return absl::CancelledError("interrupted while the input was examined; nothing was loaded");
    }
    SYNCLINE_RETURN_IF_ERROR(surveyor.Take(text));
  }
  return surveyor.Finish(false);
}

absl::StatusOr<InputSurvey> SurveyHead(absl::string_view head, bool whole,
                                       const InputFormat& format, int64_t max_records) {
  Surveyor surveyor(format, max_records);
  if (!head.empty()) SYNCLINE_RETURN_IF_ERROR(surveyor.Take(head));
  return surveyor.Finish(whole);
}

}  // namespace syncline::client
