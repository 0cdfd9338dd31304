// Converts a CSV file into JSON records: the first row names the columns, and every other row is
// one record.
//
// An empty unquoted field is null and is omitted; an empty quoted field is "". In columns of
// numbers, booleans and JSON, values are written as such if they are valid JSON; otherwise they are
// written as strings, and the server decides. A row with another number of fields than the header
// is unreadable (FIELD_COUNT): it is sent as a JSON array of its fields, which the server rejects
// and keeps.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client/inferred_type.h"
#include "client/sources/csv_parser.h"
#include "client/sources/record_source.h"

namespace syncline::client {

using ColumnTypes = absl::flat_hash_map<std::string, InferredType>;

class CsvSource : public RecordSource {
 public:
  // `reader` must outlive the source. Columns that are not in `types` are strings.
  CsvSource(LineReader* reader, char delimiter, ColumnTypes types);

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }
  // Always false: for a quote that is open at the end, Next returns an error with its line.
  bool ends_inside_record() const override { return false; }

 private:
  absl::Status TakeRow(const std::vector<CsvField>& fields, Sink sink);
  absl::Status TakeHeader(const std::vector<CsvField>& fields);
  void AppendValue(const CsvField& field, InferredType type);

  LineReader* const reader_;
  const ColumnTypes types_;
  CsvParser parser_;
  bool finished_ = false;
  std::vector<std::string> keys_;  // "name": of each column
  std::vector<InferredType> column_types_;
  std::string line_;
};

// Returns the column names of a header row. A column without a name is called column_N. Errors:
// INVALID_ARGUMENT if a name occurs twice or is not UTF-8.
absl::StatusOr<std::vector<std::string>> ReadCsvHeader(const std::vector<CsvField>& header);

}  // namespace syncline::client
