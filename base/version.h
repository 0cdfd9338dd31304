// The version of this build, from CMake's project().
#pragma once

#include "absl/strings/string_view.h"

namespace syncline {

// Returns the version, for example "0.1.0".
absl::string_view Version();

}  // namespace syncline
