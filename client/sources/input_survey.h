// Surveys the input before the load: infers its schema and counts its records.
//
// Makes one pass and keeps only the columns and the first records. For use by one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/column_mapping.h"
#include "client/schema_inference.h"
#include "client/sources/csv_columns.h"
#include "client/sources/format_sniffer.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

struct InputFormat {
  FileFormat file = FileFormat::kJsonLines;
  CsvOptions csv;         // for kCsv
  ColumnMapping mapping;  // for the other formats

  // Returns the character after which a LineReader may split the input, or nullopt if that is
  // anywhere.
  std::optional<char> LineEnd() const {
    if (file == FileFormat::kJson) return std::nullopt;
    return file == FileFormat::kCsv ? csv.dialect.line_end : '\n';
  }
};

// Where the text is not UTF-8.
struct InvalidText {
  int64_t line = 0;  // from 1; 0 if all of the text is UTF-8
  int64_t byte = 0;  // within the line, from 1
  unsigned char value = 0;
};

struct InputSurvey {
  SchemaInference inference;
  std::vector<std::string> input_names;  // of the columns, as the input writes them
  int64_t records = 0;                   // including those that the server will reject
  int64_t objects = 0;              // JSON records that are objects; CSV rows that fit the header
  bool whole = false;               // all of the input was examined
  bool ends_inside_record = false;  // set only if `whole`
  InvalidText invalid_text;         // the first place
};

// Reads from `reader`, which splits at the format's line end, until its end, or until at least
// `max_bytes` were read. Errors: INVALID_ARGUMENT if the CSV header is invalid, a quote, array or
// record is never closed, or columns of the mapping are missing; CANCELLED if the user interrupts;
// those of the reader.
absl::StatusOr<InputSurvey> SurveyInput(LineReader* reader, const InputFormat& format,
                                        int64_t max_bytes);

// The same for the input's first lines, or bytes for kJson, of which at most `max_records` are
// examined. `whole` means that it has no others.
absl::StatusOr<InputSurvey> SurveyHead(absl::string_view head, bool whole,
                                       const InputFormat& format, int64_t max_records);

}  // namespace syncline::client
