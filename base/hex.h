// Converts hexadecimal text to bytes.
//
// abseil's function for this changed its signature between Debian 12 and 13, and the form that both
// provide is deprecated in the latter.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

// Returns the bytes that `digits` encode, two digits of either case per byte. A character that is
// not hexadecimal counts as 0, and an odd last digit is ignored.
std::string HexToBytes(absl::string_view digits);

}  // namespace syncline
