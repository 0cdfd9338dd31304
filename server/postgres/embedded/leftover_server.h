// Ends a PostgreSQL server that an earlier run has left behind on a data directory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace syncline::postgres {

// Stops every process that works in `data_directory` (a postmaster, or backends that outlived
// theirs): fast, then immediate, then SIGKILL, and removes the postmaster.pid of a dead one. The
// caller holds the lock of the embedded server's directory, so no living process of ours owns them.
// Errors: DEADLINE_EXCEEDED EMBEDDED_START.
absl::Status StopLeftoverServer(const std::string& data_directory, absl::Duration timeout);

}  // namespace syncline::postgres
