// Reads decimal digits eight characters at a time, without a branch for each of them.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>

#include "base/word.h"

namespace syncline {

// Returns the number of the eight digits 0 to 9 (not characters) in the bytes of `digits`.
constexpr uint32_t ReadEightDigits(uint64_t digits) {
  digits = (digits * ((10 << 8) + 1)) >> 8;  // the byte of each pair's second digit has the pair
  digits = ((digits & 0x00ff00ff00ff00ff) * ((100 << 16) + 1)) >> 16;
  digits = ((digits & 0x0000ffff0000ffff) * ((uint64_t{10000} << 32) + 1)) >> 32;
  return static_cast<uint32_t>(digits);
}

// The numbers of two digits in a word.
class DigitPairs {
 public:
  DigitPairs() = default;
  explicit constexpr DigitPairs(uint64_t digits) : pairs_(digits * 10 + (digits >> 8)) {}

  // Returns the number of the digits at `position` and behind it.
  constexpr int At(int position) const {
    return static_cast<int>((pairs_ >> (8 * position)) & 0xff);
  }

 private:
  uint64_t pairs_ = 0;
};

// The form of eight characters, some of which are digits, such as "00:00:00".
class DigitForm {
 public:
  // In `form`, '0' stands for any digit, and every other character for itself.
  explicit constexpr DigitForm(const char (&form)[sizeof(uint64_t) + 1]) {
    for (int i = 0; i < 8; ++i) {
      characters_ |= static_cast<uint64_t>(static_cast<uint8_t>(form[i])) << (8 * i);
      if (form[i] == '0') max_ |= uint64_t{9} << (8 * i);
    }
  }

  // Returns whether the eight characters at `text` have this form. Sets `pairs` to their digits.
  bool Match(const char* text, DigitPairs* pairs) const {
    const uint64_t digits = LoadWord(text) ^ characters_;
    if (FindBytesAbove(digits, max_) != 0) return false;
    *pairs = DigitPairs(digits);
    return true;
  }

 private:
  uint64_t characters_ = 0;
  uint64_t max_ = 0;  // of each byte after it was compared with the character
};

}  // namespace syncline
