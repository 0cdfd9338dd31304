// Reads a whole file.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace syncline {

// Returns the content of the file `path`, which may also be a pipe or a device; it is read until
// its end. Errors: FAILED_PRECONDITION FILE_UNREADABLE with the path and the system's reason, also
// for a directory. Blocks; any thread.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace syncline
