// A CSV file as JSON records: the first row names the columns, every other row is one record.
//
// An empty unquoted field is null and left out; an empty quoted one is "". Numbers and booleans are
// written as such in columns of those types when they are valid JSON, and as strings otherwise, for
// the server to judge. A row with another number of fields than the header is unreadable
// (FIELD_COUNT): it is handed on as a JSON array of its fields, which the server rejects and keeps.
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
  // `reader` must outlive the source. Columns that `types` does not name are strings.
  CsvSource(LineReader* reader, char delimiter, ColumnTypes types);

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }
  // An open quote at the end is an error of Next, with its line.
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

// The names of a header row; an unnamed column is called column_N. INVALID_ARGUMENT when one stands
// twice or is not UTF-8.
absl::StatusOr<std::vector<std::string>> CsvColumns(const std::vector<CsvField>& header);

}  // namespace syncline::client
