// Positions of a checkpoint that covers several writers: checked and converted.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "syncline/v1/records.pb.h"

namespace syncline::rpc {

// The positions of `checkpoint`; none for one of its own call alone. `has_stream` says whether the
// sync has a stream. No I/O of its own. Errors: INVALID_ARGUMENT with a violation per position that
// is negative, names a stream that the sync does not have, or names a writer twice.
absl::StatusOr<std::vector<CheckpointPosition>> PositionsOf(
    const v1::Checkpoint& checkpoint, absl::FunctionRef<bool(const StreamDescriptor&)> has_stream);

}  // namespace syncline::rpc
