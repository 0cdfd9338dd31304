// Page tokens of ListRejectedRecords: opaque to callers, and validated when they come back.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/rejected_page.h"

namespace syncline::rpc {

// Returns the token of the page that starts after `place` of the sync.
std::string RejectedPageToken(absl::string_view sync_id, const RejectedPosition& place);

// Returns the place that `token` encodes. Errors: INVALID_ARGUMENT INVALID_REQUEST for a token that
// RejectedPageToken did not create for this sync.
absl::StatusOr<RejectedPosition> ReadRejectedPageToken(absl::string_view sync_id,
                                                       absl::string_view token);

}  // namespace syncline::rpc
