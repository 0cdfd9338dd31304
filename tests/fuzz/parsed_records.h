// Parses a batch with the record parser. Decodes, checks and keeps the rows of COPY BINARY.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/dataflow/parse/record_parser.h"
#include "tests/fuzz/copy_row.h"

namespace syncline::fuzz {

// Returns a table with a column of every type and shape. `id` is its primary key.
const TableSchema& EveryType();

struct ParsedRecord {
  int64_t offset = 0;
  std::optional<dataflow::RejectReason> reject;
  std::string raw;                // of a rejected record
  std::vector<CopyField> fields;  // of other records, including the meta columns

  friend bool operator==(const ParsedRecord& a, const ParsedRecord& b) {
    return a.offset == b.offset && a.reject == b.reject && a.raw == b.raw && a.fields == b.fields;
  }
};

// Parses all of `batch` with `parser`, which must be for EveryType(). Checks that every record is
// delivered once and in order, and that PostgreSQL would accept the rows.
std::vector<ParsedRecord> ParseAll(dataflow::RecordParser* parser, v1::RecordBatch batch);

// Returns a map from column to change (NULLED, TRUNCATED) with the changes that the server itself
// recorded in `_airbyte_meta` of a row. They follow the source's `source_changes` entries. Checks
// that each change agrees with the row.
std::map<std::string, std::string> OwnChanges(const ParsedRecord& row, size_t source_changes);

}  // namespace syncline::fuzz
