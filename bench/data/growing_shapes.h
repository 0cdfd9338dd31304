// Shapes of records that grow in one dimension, to show how a figure depends on it.
//
// Stateless and thread-safe.
#pragma once

#include <cstdint>

#include "bench/data/record_shape.h"

namespace syncline::bench {

// Returns a shape with `columns` columns. The first is the key. The others are small enough that
// 1,500 of them fit into a row of PostgreSQL: short texts, booleans, and numbers and dates that are
// mostly NULL.
RecordShape ShapeOfColumns(int columns);

// Returns a shape with a key and a text of random letters. A record has `bytes` bytes of JSON, at
// least 50.
RecordShape ShapeOfBytes(int64_t bytes);

}  // namespace syncline::bench
