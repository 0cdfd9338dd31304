// The substitute for a deletion marker that cannot be coerced to its column's type.
//
// A record of a CDC stream is a deletion if its `_ab_cdc_deleted_at` is not null; the value itself
// does not matter. If coercion made the marker NULL, the deletion would become a row, so the marker
// gets a value that is not null.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::dataflow {

// Returns a value of `type` that is not null: `extracted_at_us` (microseconds since 2000-01-01 UTC)
// for dates and times, 1 for numbers, true for booleans, the marker itself for jsonb if it can be
// stored, and the text "true" otherwise. `token` is the marker as JSON, or empty if it was a typed
// value. The result borrows from `token` and `scratch`.
Value MakeDeletionMarker(ColumnType type, int64_t extracted_at_us, absl::string_view token,
                         ScratchArena* scratch);

}  // namespace syncline::dataflow
