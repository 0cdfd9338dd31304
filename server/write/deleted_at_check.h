// Checks the column that completion sets in rows of older generations. A pure function; any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/stream_plan.h"

namespace syncline::write {

// Checks that the current time can be stored in `deleted_at_column` of a stream that marks rows as
// deleted: the table's column, whose type the schema of `plan` has, may have another type than the
// stream declares. Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE.
absl::Status CheckDeletedAtColumn(const StreamPlan& plan);

}  // namespace syncline::write
