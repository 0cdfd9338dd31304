// Limits of a column's type that are stricter than the type that its values are coerced to: the
// scale of numeric(p,s), the fraction of a second of timestamp(p) and time(p), and trailing blanks
// beyond varchar(n) and char(n), and the 63 bytes of name. PostgreSQL would round or cut such a
// value silently.
//
// Pure functions. Values that exceed the type in another way (digits before the decimal point of a
// numeric, longer text) are left to PostgreSQL, which refuses the row.
#pragma once

#include <cstdint>

#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::dataflow {

struct ColumnLimit {
  enum class Kind { kNone, kScale, kFraction, kCharacters, kBytes };
  Kind kind = Kind::kNone;
  // The scale, which may be negative; the smallest unit of time in microseconds; or the maximum
  // number of characters or bytes.
  int64_t amount = 0;
};

// Returns the limit that the modifier of the column's type, or of its domain's base type, sets.
ColumnLimit GetColumnLimit(const ColumnSchema& column);

// Cuts `value`, which must not be null, to the limit. Numbers are cut toward zero; times are cut to
// the earlier one; a text that is limited in bytes between characters. Returns kFits or kCut.
Coercion ApplyLimit(const ColumnLimit& limit, ScratchArena* scratch, Value* value);

}  // namespace syncline::dataflow
