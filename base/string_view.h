// Conversions between absl::string_view, which our signatures use, and std::string_view. On Debian
// 12 they are different types (docs/decisions/0007-absl-string-view.md).
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace syncline {

inline std::string_view ToStd(absl::string_view view) { return {view.data(), view.size()}; }
inline absl::string_view ToAbsl(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace syncline
