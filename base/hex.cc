#include "base/hex.h"

#include <cstddef>

namespace syncline {
namespace {

int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return 0;
}

}  // namespace

std::string HexToBytes(absl::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(DigitValue(digits[2 * i]) << 4 | DigitValue(digits[2 * i + 1]));
  }
  return bytes;
}

}  // namespace syncline
