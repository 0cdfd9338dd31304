// Marks errors that a change of the command line corrects, so that the process exits with 2. Pure
// functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns an INVALID_ARGUMENT error with this message that IsUsageError recognizes.
absl::Status UsageError(absl::string_view message);

// Returns `status`, which must be an error, as a usage error.
absl::Status AsUsageError(const absl::Status& status);

bool IsUsageError(const absl::Status& status);

}  // namespace syncline::client
