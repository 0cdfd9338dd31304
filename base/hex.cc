#include "base/hex.h"

#include <algorithm>
#include <cstddef>

namespace syncline {

std::string HexToBytes(absl::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int high = std::max(0, GetHexValue(digits[2 * i]));
    const int low = std::max(0, GetHexValue(digits[2 * i + 1]));
    bytes[i] = static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace syncline
