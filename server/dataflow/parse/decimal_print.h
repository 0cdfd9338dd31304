// Prints numbers as the text of a numeric value. Pure functions; the text lives in the scratch
// space.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// The largest scale, and the smallest one negated, of a decimal that is printed without an
// exponent.
inline constexpr int32_t kMaxPlainScale = 100;

// Prints a decimal: the little-endian two's complement integer of 16 bytes at `bytes`, divided by
// 10^scale. The result is a JSON number with all digits of the integer; it has an exponent only if
// `scale` is outside -kMaxPlainScale to kMaxPlainScale.
absl::string_view PrintDecimal128(const char* bytes, int32_t scale, ScratchArena* scratch);

// Prints a number that has at most 15 digits, of which at most six follow the point, as the
// shortest decimal that is read as this number. Returns an empty text for every other number.
absl::string_view PrintShortDecimal(double number, ScratchArena* scratch);

}  // namespace syncline::dataflow
