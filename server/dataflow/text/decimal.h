// Decimal numbers as text: reading them without loss and knowing whether PostgreSQL's numeric can
// hold them.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::dataflow {

// PostgreSQL's limits of numeric (manual, "Arbitrary Precision Numbers").
inline constexpr int64_t kNumericMaxIntegerDigits = 131072;
inline constexpr int64_t kNumericMaxScale = 16383;
// numeric_in refuses larger exponents, of 0 too.
inline constexpr int64_t kNumericMaxExponent = 0x7FFFFFFF / 2 - 1;

// The number whose text starts at `begin`, by JSON's grammar: the position behind it, null when
// there is none.
const char* SkipJsonNumber(const char* begin, const char* end);

// A number taken apart: (-1)^negative * integer_digits.fraction_digits * 10^exponent.
struct Decimal {
  bool negative = false;
  absl::string_view integer_digits;
  absl::string_view fraction_digits;
  int64_t exponent = 0;  // kept within +-10^15: beyond, the value is the same to every reader

  bool IsZero() const;
  // Position of the first digit that is not 0, counted from the point: 1 for units, 0 for tenths.
  int64_t FirstDigit() const;
  // Digits behind the point.
  int64_t Scale() const;
};

enum class DecimalGrammar {
  kJson,
  kLoose,  // also '+', leading zeros, ".5" and "5.", as PostgreSQL's numeric reads them
};
// False when `text` as a whole is not a number.
bool ParseDecimal(absl::string_view text, DecimalGrammar grammar, Decimal* decimal);

enum class NumericFit { kFits, kTooLarge, kTooFine };
// Whether PostgreSQL reads the text of `decimal` as numeric: kTooFine when only digits far behind
// the point are in the way.
NumericFit FitOf(const Decimal& decimal);

}  // namespace syncline::dataflow
