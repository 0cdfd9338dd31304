// Shapes that grow in one direction, to see what a figure depends on.
//
// Stateless and thread-safe.
#pragma once

#include <cstdint>

#include "bench/data/record_shape.h"

namespace syncline::bench {

// `columns` columns, the first the key, the others small enough that 1,500 of them fit a row of
// PostgreSQL: short texts, booleans, and numbers and dates that are mostly NULL.
RecordShape ShapeOfColumns(int columns);

// A key and a text of random letters: records of `bytes` bytes of JSON, at least 50.
RecordShape ShapeOfBytes(int64_t bytes);

}  // namespace syncline::bench
