// Merges what an extension of a sync requests for a stream into the plan that the stream has. Pure
// functions; any thread.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "server/model/sync_record.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

// Returns `known` with the columns of both plans, columns of different types with their common type
// (CommonType), and the older_generations of `requested`; or nullopt if that is `known`. Keys, the
// cursor and deleted_at_column of the result are names of properties, as in a draft, and the
// columns are to be named again. Errors: INVALID_ARGUMENT PLAN_CHANGED if `requested` or `request`
// differ from `known` in what cannot change: write mode, primary key, cursor, generation, meta or
// table.
absl::StatusOr<std::optional<StreamEntry>> MergePlan(const StreamEntry& known,
                                                     const StreamEntry& requested,
                                                     const StreamRequest& request);

}  // namespace syncline::write
