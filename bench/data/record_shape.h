// Shapes of the benchmark's records. Each record is computed only from its number.
//
// A record consists of cells in the order of its shape's columns. The same number and revision give
// the same record on every machine. Another revision changes everything except the key, which is
// the first column. Stateless and thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "bench/data/draws.h"

namespace syncline::bench {

enum class CellKind { kInteger, kNumber, kBoolean, kText, kDate, kTimestamp, kJson };

struct Column {
  std::string name;
  CellKind kind;
};

// `text` is the value as both PostgreSQL and JSON read it, without quotes.
struct Cell {
  bool null = false;
  std::string text = {};
};

struct RecordShape {
  std::string name;
  std::vector<Column> columns;
  // Fills `cells`, which has one cell per column. The cells are empty and not null before the call.
  std::function<void(int64_t number, int64_t revision, std::vector<Cell>* cells)> fill;
};

// Returns the random values of one record.
Draws MakeDraws(int64_t number, int64_t revision);

// Returns mixed12, lineitem, wide_text, narrow and nested.
const std::vector<RecordShape>& RecordShapes();

// Returns null if there is no shape with this name.
const RecordShape* FindRecordShape(absl::string_view name);

// Fills `cells` with record `number` of `shape`.
void FillRecord(const RecordShape& shape, int64_t number, int64_t revision,
                std::vector<Cell>* cells);

}  // namespace syncline::bench
