// Hexadecimal text to bytes.
//
// abseil's function for this changed its signature between Debian 12 and 13; the one that both have
// is deprecated in the latter.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

// Returns the bytes that `digits` stand for, two digits each, in either case. A digit that is not
// hexadecimal counts as 0; an odd last digit is ignored.
std::string HexToBytes(absl::string_view digits);

}  // namespace syncline
