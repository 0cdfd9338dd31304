// What stands for a deletion marker that does not read as its column's type.
//
// A record of a CDC stream is a deletion when its `_ab_cdc_deleted_at` is not null; what exactly it
// says does not matter. A marker that coercion would make NULL would turn the deletion into a row,
// so it gets a value that is not null.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::dataflow {

// A value of `type` that is not null: `extracted_at_us` (microseconds since 2000-01-01 UTC) in a
// time column, 1 in a number, true in a boolean, and the marker itself otherwise. `token` is the
// marker as JSON; empty when it was not JSON. The value borrows from it and from `scratch`.
Value MarkerThatIsSet(ColumnType type, int64_t extracted_at_us, absl::string_view token,
                      ScratchArena* scratch);

}  // namespace syncline::dataflow
