// Files with secrets that other users of the machine can read.
#pragma once

#include <optional>
#include <string>

namespace syncline {

// Returns the mode of `path`, such as "0644", if any user of the machine may read it. Returns
// nullopt if the mode forbids that, if a directory above it is closed to others, or if there is no
// such file. Group permissions are ignored, because Kubernetes grants a pod its files by group.
std::optional<std::string> GetModeIfExposed(const std::string& path);

}  // namespace syncline
