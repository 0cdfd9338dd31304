// Our signatures take absl::string_view, which on Debian 12 is not std::string_view (decision
// 0007).
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace syncline {

inline std::string_view ToStd(absl::string_view view) { return {view.data(), view.size()}; }
inline absl::string_view ToAbsl(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace syncline
