// Converts one typed value of a row batch to a value of its column: as it is if the kind matches
// the column's type, otherwise like the JSON value or the ISO text of the same meaning.
//
// Pure functions. The text of a returned Value is borrowed from the input or from the scratch
// space.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::dataflow {

// The column that receives a value. `coercer` is that of `type`.
struct TypedTarget {
  ColumnType type = ColumnType::kJsonb;
  const Coercer* coercer = nullptr;
};

Coercion FromInt64(int64_t number, const TypedTarget& target, ScratchArena* scratch, Value* value);
Coercion FromUint64(uint64_t number, const TypedTarget& target, ScratchArena* scratch,
                    Value* value);
Coercion FromDouble(double number, const TypedTarget& target, ScratchArena* scratch, Value* value);
// The little-endian two's complement integer of 16 bytes at `bytes`, divided by 10^scale.
Coercion FromDecimal128(const char* bytes, int32_t scale, const TypedTarget& target,
                        ScratchArena* scratch, Value* value);
Coercion FromBool(bool flag, const TypedTarget& target, ScratchArena* scratch, Value* value);
// Microseconds since 1970-01-01T00:00:00: in UTC for timestamptz, local for timestamp.
Coercion FromTimestamp(int64_t unix_micros, const TypedTarget& target, ScratchArena* scratch,
                       Value* value);
// Days since 1970-01-01.
Coercion FromDate(int64_t unix_days, const TypedTarget& target, ScratchArena* scratch,
                  Value* value);
// Microseconds since midnight.
Coercion FromTime(int64_t micros, const TypedTarget& target, ScratchArena* scratch, Value* value);
// Bytes. Types other than bytea receive them as JSON does: varchar and jsonb as base64 text, and no
// other type accepts them.
Coercion FromBytes(absl::string_view bytes, const TypedTarget& target, ScratchArena* scratch,
                   Value* value);

}  // namespace syncline::dataflow
