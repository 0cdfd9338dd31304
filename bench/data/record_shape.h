// Shapes of the benchmark's records: deterministic, each record computed from its number alone.
//
// A record is cells in the order of its shape's columns. The same number and revision give the same
// record on every machine; another revision changes everything but the key, which is the first
// column. Stateless and thread-safe.
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

// `text` is the value as PostgreSQL and JSON both read it, without quotes.
struct Cell {
  bool null = false;
  std::string text = {};
};

struct RecordShape {
  std::string name;
  std::vector<Column> columns;
  // Fills `cells`, which has one cell a column, all of them not null and empty.
  std::function<void(int64_t number, int64_t revision, std::vector<Cell>* cells)> fill;
};

// The draws of one record.
Draws DrawsOf(int64_t number, int64_t revision);

// mixed12, lineitem, wide_text, narrow, nested.
const std::vector<RecordShape>& RecordShapes();

// Null when there is none of this name.
const RecordShape* FindRecordShape(absl::string_view name);

// Record `number` of `shape`.
void FillRecord(const RecordShape& shape, int64_t number, int64_t revision,
                std::vector<Cell>* cells);

}  // namespace syncline::bench
