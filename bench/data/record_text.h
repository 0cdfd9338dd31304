// Records as text: the lines that a caller sends, and the lines that PostgreSQL's COPY reads, which
// are the truth that what was loaded is compared with.
//
// Stateless; each line ends with '\n'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bench/data/record_shape.h"

namespace syncline::bench {

// Which records: first, first+step, ..., `count` of them.
struct Slice {
  int64_t count = 0;
  int64_t first = 0;
  int64_t step = 1;
  int64_t revision = 0;
};

enum class RecordFormat {
  kJsonl,    // the record's data
  kAirbyte,  // RECORD messages, the stream named as the shape
  kCopy,     // COPY's text format, the shape's columns only
};

void AppendRecord(const RecordShape& shape, const std::vector<Cell>& cells, RecordFormat format,
                  std::string* out);

// The records of `slice` into `file`. Errors: INTERNAL.
absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          const std::string& file);
absl::Status WriteRecords(const RecordShape& shape, RecordFormat format, const Slice& slice,
                          int fd);

// What a source says of such records.
std::string JsonSchemaOf(const RecordShape& shape);
// A configured catalog of the one stream, appended.
std::string CatalogOf(const RecordShape& shape);

// The columns that these records must be given: name, type, ...
std::string ColumnDefinitionsOf(const RecordShape& shape);
// Their quoted names, with commas.
std::string ColumnNamesOf(const RecordShape& shape);

}  // namespace syncline::bench
