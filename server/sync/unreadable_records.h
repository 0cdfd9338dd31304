// Checks the records of a batch that the caller reports as unreadable.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/dataflow/parse/record_parser.h"

namespace syncline::sync {

// Checks that the `unreadable` entries of `batch`, which has `records` records, are within its
// range, ascending, and each with a reason in UPPER_SNAKE of at most 64 characters. Errors:
// INVALID_ARGUMENT INVALID_REQUEST.
absl::Status CheckUnreadable(const v1::RecordBatch& batch, int64_t records);

}  // namespace syncline::sync
