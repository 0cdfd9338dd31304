#include "server/dataflow/parse/decimal_print.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/numeric/int128.h"

namespace syncline::dataflow {
namespace {

// Writes the digits of `magnitude`, at most 39, and returns the position after them.
char* WriteDigits(absl::uint128 magnitude, char* out) {
  constexpr uint64_t kGroup = 10000000000000000000U;  // 10^19
  constexpr int kGroupDigits = 19;
  constexpr size_t kMaxDigits = 20;  // of 64 bits
  if (absl::Uint128High64(magnitude) == 0) {
    return std::to_chars(out, out + kMaxDigits, absl::Uint128Low64(magnitude)).ptr;
  }
  out = WriteDigits(magnitude / kGroup, out);
  // The group's digits, with zeros in front.
  uint64_t rest = absl::Uint128Low64(magnitude % kGroup);
  for (int i = kGroupDigits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  return out + kGroupDigits;
}

// Inserts a decimal point before the last `scale` of the digits [digits, end), with zeros in front
// if there are fewer. Returns the new end.
char* InsertPoint(char* digits, char* end, int32_t scale) {
  const auto count = static_cast<int32_t>(end - digits);
  if (count <= scale) {
    const auto zeros = static_cast<size_t>(scale - count) + 1;
    std::memmove(digits + zeros, digits, static_cast<size_t>(count));
    std::memset(digits, '0', zeros);
    end += zeros;
  }
  char* const point = end - scale;
  std::memmove(point + 1, point, static_cast<size_t>(scale));
  *point = '.';
  return end + 1;
}

}  // namespace

absl::string_view PrintDecimal128(const char* bytes, int32_t scale, ScratchArena* scratch) {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, bytes, sizeof(low));
  std::memcpy(&high, bytes + sizeof(low), sizeof(high));
  absl::uint128 magnitude = absl::MakeUint128(high, low);
  const bool negative = high >> 63 != 0;
  if (negative) magnitude = -magnitude;

  constexpr size_t kMaxChars = 160;  // sign, 39 digits, 100 zeros, and a point or an exponent
  char* const begin = scratch->Allocate(kMaxChars);
  char* digits = begin;
  if (negative) *digits++ = '-';
  char* end = WriteDigits(magnitude, digits);
  if (scale > 0 && scale <= kMaxPlainScale) {
    end = InsertPoint(digits, end, scale);
  } else if (scale < 0 && scale >= -kMaxPlainScale && magnitude != 0) {
    end = std::fill_n(end, -scale, '0');
  } else if (scale != 0 && magnitude != 0) {
    *end++ = 'e';
    end = std::to_chars(end, begin + kMaxChars, -int64_t{scale}).ptr;
  }
  scratch->TrimTo(end);
  return absl::string_view(begin, static_cast<size_t>(end - begin));
}

// The nearest double identifies a decimal of up to 15 digits. So the first number of places whose
// decimal is read as `number` is that of the shortest decimal. The division reads it: both operands
// are exact, and the result is rounded once, as when the decimal's text is read.
absl::string_view PrintShortDecimal(double number, ScratchArena* scratch) {
  constexpr size_t kMaxPlaces = 6;
  constexpr double kMaxUnits = 1e15;
  constexpr double kRounding = 1e-15;  // of the product, relative to it
  static constexpr std::array<double, kMaxPlaces + 1> kPowers = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
  for (size_t places = 0; places <= kMaxPlaces; ++places) {
    const double product = number * kPowers[places];
    if (!(std::abs(product) < kMaxUnits)) return {};
    const auto units = static_cast<int64_t>(product < 0 ? product - 0.5 : product + 0.5);
    const auto whole = static_cast<double>(units);
    if (std::abs(product - whole) > std::abs(product) * kRounding) continue;
    if (whole / kPowers[places] != number) continue;
    constexpr size_t kMaxChars = 32;  // a sign, 15 digits, seven zeros and a point
    char* const begin = scratch->Allocate(kMaxChars);
    char* const digits = units < 0 ? begin + 1 : begin;
    *begin = '-';
    char* end = std::to_chars(digits, begin + kMaxChars, units < 0 ? -units : units).ptr;
    if (places > 0) end = InsertPoint(digits, end, static_cast<int32_t>(places));
    scratch->TrimTo(end);
    return absl::string_view(begin, static_cast<size_t>(end - begin));
  }
  return {};
}

}  // namespace syncline::dataflow
