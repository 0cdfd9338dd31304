// Files with secrets that other users of the machine can read.
#pragma once

#include <optional>
#include <string>

namespace syncline {

// The mode of `path`, such as "0644", when any user of the machine may read it; nothing when the
// mode forbids that, when a directory above it lets others not through, or when there is no such
// file. The group does not count: Kubernetes gives files to a pod by it.
std::optional<std::string> ModeIfExposed(const std::string& path);

}  // namespace syncline
