// Reads hexadecimal text.
//
// abseil's function for bytes changed its signature between Debian 12 and 13, and the form that
// both provide is deprecated in the latter.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

// Returns the value of a hexadecimal digit of either case, or -1 for any other character.
constexpr int GetHexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// Returns the bytes that `digits` encode, two digits of either case per byte. A character that is
// not hexadecimal counts as 0, and an odd last digit is ignored.
std::string HexToBytes(absl::string_view digits);

}  // namespace syncline
