// Reads points in time as users write them. Pure functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline::client {

// Parses a time before `now`, such as 90m, 24h or 7d, or a date with or without a time in UTC:
// 2026-01-31, 2026-01-31 18:00, 2026-01-31T18:00:00Z. Errors: a usage error for --since.
absl::StatusOr<absl::Time> ParseSince(absl::string_view text, absl::Time now);

}  // namespace syncline::client
