// How the rows of a CSV file become records: the names of the columns and the meaning of fields.
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/column_mapping.h"
#include "client/sources/csv_parser.h"

namespace syncline::client {

struct CsvOptions {
  CsvDialect dialect;
  bool header = true;                   // the first row names the columns
  std::vector<std::string> names;       // of the columns if `header` is false; empty: column_N
  std::vector<std::string> null_words;  // unquoted fields that are null, as empty ones are
  bool decimal_comma = false;           // 3,14 is a number
  ColumnMapping mapping;

  // Returns whether `field` is null.
  bool IsNull(const CsvField& field) const {
    if (field.quoted) return false;
    return field.text.empty() || (!null_words.empty() && IsNullWord(field.text));
  }

 private:
  bool IsNullWord(absl::string_view text) const;
};

struct CsvColumn {
  std::string name;  // under which the column is loaded
  bool selected = true;
};

struct CsvColumns {
  std::vector<CsvColumn> columns;        // one per field
  std::vector<std::string> input_names;  // their names in the file
  bool first_row_is_record = false;      // the row is not a header
};

// Reads the columns from the first row. A column without a name is called column_N. Errors:
// INVALID_ARGUMENT if a name is not UTF-8, or if two columns get one name.
absl::StatusOr<CsvColumns> ReadCsvColumns(const std::vector<CsvField>& first_row,
                                          const CsvOptions& options);

// Returns whether `text` is a number with a decimal comma and without digit grouping, such as
// -3,14.
bool IsDecimalCommaNumber(absl::string_view text);

// Returns whether `text` is like a number and has a point, which in text with decimal commas may
// group digits: 1.234 and 1.234,5.
bool MayGroupDigits(absl::string_view text);

}  // namespace syncline::client
