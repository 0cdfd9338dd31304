// What a column's type takes less of than the type that its values are coerced to: digits behind
// the point of numeric(p,s), fractions of a second of timestamp(p) and time(p), trailing blanks
// beyond varchar(n) and char(n). PostgreSQL would round or cut such a value without a word.
//
// Pure functions. A value beyond the type in another way (numeric's digits before the point, longer
// texts) is left to PostgreSQL, which refuses the row.
#pragma once

#include <cstdint>

#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::dataflow {

struct ColumnLimit {
  enum class Kind { kNone, kScale, kFraction, kCharacters };
  Kind kind = Kind::kNone;
  // The scale, which may be negative; the unit of the fraction in microseconds; the characters.
  int64_t amount = 0;
};

// By the modifier in `table_type`.
ColumnLimit LimitOf(const ColumnSchema& column);

// Cuts `value`, which is not null, never away from zero; a time before the epoch is cut to the
// earlier one. kFits or kCut.
Coercion ApplyLimit(const ColumnLimit& limit, ScratchArena* scratch, Value* value);

}  // namespace syncline::dataflow
