// Stops a PostgreSQL server that remains from an earlier run on a data directory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace syncline::postgres {

// Stops every PostgreSQL process that works in `data_directory` (a postmaster, or backends that
// outlived theirs): with a fast shutdown, then an immediate one, then SIGKILL, each for a third of
// `timeout`. Then removes postmaster.pid. The caller must hold the lock of the embedded server's
// directory, so that no running syncline-server owns these processes. Does nothing if the directory
// does not exist. Errors: DEADLINE_EXCEEDED EMBEDDED_START.
absl::Status StopLeftoverServer(const std::string& data_directory, absl::Duration timeout);

}  // namespace syncline::postgres
