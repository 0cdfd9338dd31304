// The report of `syncline load`, for people and for scripts. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/load_session.h"

namespace syncline::client {

// One line per fact: rows and speed first, then what changed, was rejected, nulled, cut or not
// stored, and the answer to --validate_only.
std::vector<std::string> LoadReportLines(const LoadReport& report, absl::Duration took);

// The same as one JSON object on one line.
std::string LoadReportJson(const LoadReport& report, const std::string& sync_id,
                           absl::Duration took);

}  // namespace syncline::client
