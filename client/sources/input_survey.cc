#include "client/sources/input_survey.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "client/sources/csv_parser.h"
#include "client/sources/csv_source.h"
#include "client/sources/jsonl_source.h"

namespace syncline::client {
namespace {

class Surveyor {
 public:
  explicit Surveyor(const InputFormat& format) : format_(format), parser_(format.delimiter) {}

  absl::Status Take(absl::string_view lines) {
    if (format_.csv) {
      return parser_.Feed(lines, [this](const auto& fields) { return TakeRow(fields); });
    }
    unended_line_ = !absl::EndsWith(lines, "\n");
    return ForEachRecordLine(lines, &lines_, [this](const SourceRecord& record) {
      ++survey_.records;
      last_is_object_ = survey_.inference.AddLine(record.line);
      survey_.objects += last_is_object_ ? 1 : 0;
      return absl::OkStatus();
    });
  }

  absl::StatusOr<InputSurvey> Finish(bool whole) {
    if (whole && format_.csv) {
      SYNCLINE_RETURN_IF_ERROR(
          parser_.Finish([this](const auto& fields) { return TakeRow(fields); }));
    }
    survey_.whole = whole;
    survey_.ends_inside_record =
        whole && !format_.csv && survey_.records > 0 && unended_line_ && !last_is_object_;
    return std::move(survey_);
  }

 private:
  absl::Status TakeRow(const std::vector<CsvField>& fields) {
    if (columns_ == 0) {
      SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadCsvHeader(fields));
      for (const std::string& name : names) survey_.inference.AddValue(name, InferredType::kNone);
      columns_ = names.size();
      return absl::OkStatus();
    }
    ++survey_.records;
    if (fields.size() != columns_) return absl::OkStatus();
    ++survey_.objects;
    for (size_t i = 0; i < fields.size(); ++i) {
      if ((fields[i].text.empty() && !fields[i].quoted) || !survey_.inference.CanChange(i))
        continue;
      survey_.inference.AddValue(i, InferTextType(fields[i].text));
    }
    return absl::OkStatus();
  }

  const InputFormat format_;
  CsvParser parser_;
  InputSurvey survey_;
  size_t columns_ = 0;  // of the CSV header
  int64_t lines_ = 0;
  bool unended_line_ = false;
  bool last_is_object_ = false;
};

}  // namespace

absl::StatusOr<InputSurvey> SurveyInput(LineReader* reader, const InputFormat& format,
                                        int64_t max_bytes) {
  Surveyor surveyor(format);
  absl::string_view lines;
  while (reader->bytes() < max_bytes) {
    SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, reader->Next(false, &lines));
    if (event == LineReader::Event::kEnd) return surveyor.Finish(true);
    if (event == LineReader::Event::kInterrupted) {
      return absl::CancelledError("interrupted while the input was examined; nothing was loaded");
    }
    SYNCLINE_RETURN_IF_ERROR(surveyor.Take(lines));
  }
  return surveyor.Finish(false);
}

absl::StatusOr<InputSurvey> SurveyHead(absl::string_view head, bool whole,
                                       const InputFormat& format) {
  Surveyor surveyor(format);
  if (!head.empty()) SYNCLINE_RETURN_IF_ERROR(surveyor.Take(head));
  return surveyor.Finish(whole);
}

}  // namespace syncline::client
