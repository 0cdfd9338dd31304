// Reads values of a fixed width from the buffers of FixedValues. Pure functions.
#pragma once

#include <cstdint>

#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/parse/typed_value.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/value.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

// Returns the width of a value in bytes, or 0 if `type` is not a type that this server knows.
int64_t GetFixedWidth(v1::FixedType type);

// Reads value `row` of `values`, whose type is known and whose data has more than `row` values.
Coercion ReadFixed(const v1::FixedValues& values, int64_t row, const TypedTarget& target,
                   ScratchArena* scratch, Value* value);

}  // namespace syncline::dataflow
