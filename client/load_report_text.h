// Formats the report of `syncline load` as text and as JSON. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/load_session.h"

namespace syncline::client {

// Returns one line per fact: first rows and speed, then what was changed, rejected, nulled,
// truncated or not stored, and the result of --validate_only.
std::vector<std::string> LoadReportLines(const LoadReport& report, absl::Duration took);

// Returns the same as one JSON object on one line.
std::string LoadReportJson(const LoadReport& report, const std::string& sync_id,
                           absl::Duration took);

}  // namespace syncline::client
