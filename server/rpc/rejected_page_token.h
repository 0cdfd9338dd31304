// The token of a page of rejected records: opaque to callers, checked when it comes back.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/rejected_page.h"

namespace syncline::rpc {

// The token of the page that starts after `place` of the sync.
std::string RejectedPageToken(absl::string_view sync_id, const RejectedPlace& place);

// The place that `token` stands for. Errors: INVALID_ARGUMENT INVALID_REQUEST for a token that
// RejectedPageToken did not make for this sync.
absl::StatusOr<RejectedPlace> ReadRejectedPageToken(absl::string_view sync_id,
                                                    absl::string_view token);

}  // namespace syncline::rpc
