// Converts a CSV file into JSON records: every row but the header is one record.
//
// A null field is omitted; an empty quoted field is "". In columns of numbers, booleans and JSON,
// values are written as such if they are valid JSON; otherwise they are written as strings, and the
// server decides. A row with another number of fields than there are columns is unreadable
// (FIELD_COUNT): it is sent as a JSON array of its fields, which the server rejects and keeps. With
// decimal commas, a row is unreadable (DECIMAL_POINT) if a value of a column of numbers has a
// point: whether the point groups digits is not known.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client/inferred_type.h"
#include "client/sources/csv_columns.h"
#include "client/sources/csv_parser.h"
#include "client/sources/record_source.h"

namespace syncline::client {

using ColumnTypes = absl::flat_hash_map<std::string, InferredType>;

class CsvSource : public RecordSource {
 public:
  // `reader` must outlive the source. Columns that are not in `types` are strings.
  CsvSource(LineReader* reader, CsvOptions options, ColumnTypes types);

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }
  // Always false: for a quote that is open at the end, Next returns an error with its line.
  bool ends_inside_record() const override { return false; }

 private:
  // A column that is loaded, and the position of its field.
  struct Column {
    size_t field;
    std::string key;  // "name":
    InferredType type;
  };

  absl::Status TakeRow(const std::vector<CsvField>& fields, Sink sink);
  absl::Status TakeFirstRow(const std::vector<CsvField>& fields, Sink sink);
  // Returns false if the value is a number whose point may group digits. It is then a string.
  bool AppendValue(const CsvField& field, InferredType type);

  LineReader* const reader_;
  const CsvOptions options_;
  const ColumnTypes types_;
  CsvParser parser_;
  bool finished_ = false;
  size_t field_count_ = 0;  // 0 before the first row
  std::vector<Column> columns_;
  std::string line_;
};

}  // namespace syncline::client
