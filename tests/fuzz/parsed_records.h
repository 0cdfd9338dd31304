// What the record parser makes of a batch, as rows of COPY BINARY: read back, checked and kept.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/dataflow/parse/record_parser.h"
#include "tests/fuzz/copy_row.h"

namespace syncline::fuzz {

// A table with a column of each type and shape; `id` is its primary key.
const TableSchema& EveryType();

struct ParsedRecord {
  int64_t offset = 0;
  std::optional<dataflow::RejectReason> reject;
  std::string raw;                // of a rejected one
  std::vector<CopyField> fields;  // of the others, meta columns included

  friend bool operator==(const ParsedRecord& a, const ParsedRecord& b) {
    return a.offset == b.offset && a.reject == b.reject && a.raw == b.raw && a.fields == b.fields;
  }
};

// Parses all of `batch` by `parser`, which is one of EveryType(). Checks that every record is
// delivered once, in order, and that rows are what PostgreSQL takes.
std::vector<ParsedRecord> ParseAll(dataflow::RecordParser* parser, v1::RecordBatch batch);

// Column to change (NULLED, TRUNCATED) of what the server itself noted in `_airbyte_meta` of a row,
// behind the source's `source_changes` entries. Checks that the row bears it out.
std::map<std::string, std::string> OwnChanges(const ParsedRecord& row, size_t source_changes);

}  // namespace syncline::fuzz
