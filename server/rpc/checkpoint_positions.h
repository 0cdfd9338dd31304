// Checks and converts the positions of a checkpoint that covers several writers.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "server/model/checkpoint.h"
#include "syncline/v1/records.pb.h"

namespace syncline::rpc {

// Returns the positions of `checkpoint`; none if it covers only its own call. `has_stream` returns
// whether the sync has a stream. Does no I/O itself. Errors: INVALID_ARGUMENT with a violation for
// more than 10,000 positions, and for each position that is negative, has an invalid writer_id,
// names a stream that the sync does not have, or names a writer twice.
absl::StatusOr<std::vector<CheckpointPosition>> GetCheckpointPositions(
    const v1::Checkpoint& checkpoint, absl::FunctionRef<bool(const StreamDescriptor&)> has_stream);

}  // namespace syncline::rpc
