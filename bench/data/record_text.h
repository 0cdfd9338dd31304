// Records as text: the lines that a caller sends, and the lines that PostgreSQL's COPY reads. The
// latter are the reference with which loaded tables are compared.
//
// Stateless. Each line ends with '\n'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bench/data/record_shape.h"

namespace syncline::bench {

// A selection of `count` records: first, first+step, and so on.
struct Slice {
  int64_t count = 0;
  int64_t first = 0;
  int64_t step = 1;
  int64_t revision = 0;
};

enum class RecordFormat {
  kJsonl,    // the record's data
  kAirbyte,  // RECORD messages of a stream named like the shape
  kCopy,     // COPY's text format, only the shape's columns
};

void AppendRecord(const RecordShape& shape, const std::vector<Cell>& cells, RecordFormat format,
                  std::string* out);

// Writes the records of `slice` into `file`. Errors: INTERNAL.
absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          const std::string& file);
absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          int fd);

// Returns the JSON Schema that a source has for such records.
std::string JsonSchemaOf(const RecordShape& shape);
// Returns a configured catalog with this one stream, in append mode.
std::string MakeCatalog(const RecordShape& shape);

// Returns the columns that these records must get: name, type, ...
std::string MakeColumnDefinitions(const RecordShape& shape);
// Returns the quoted column names, separated by commas.
std::string MakeColumnNames(const RecordShape& shape);

}  // namespace syncline::bench
