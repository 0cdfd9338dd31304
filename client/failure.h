// Prints why a command failed, and returns its exit code. Any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// For an error of this process: kExitUsage for usage errors, else kExitFailed.
int ReportFailure(const absl::Status& status);

// For the error of a call to the server at `server`.
int ReportCallFailure(const absl::Status& status, absl::string_view server);

}  // namespace syncline::client
