// Decimal: reads decimal numbers from text without loss and checks whether PostgreSQL's numeric can
// store them.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::dataflow {

// PostgreSQL's limits for numeric (manual, "Arbitrary Precision Numbers").
inline constexpr int64_t kNumericMaxIntegerDigits = 131072;
inline constexpr int64_t kNumericMaxScale = 16383;
// numeric_in refuses larger exponents, even for zero.
inline constexpr int64_t kNumericMaxExponent = 0x7FFFFFFF / 2 - 1;

// The parts of a number: (-1)^negative * integer_digits.fraction_digits * 10^exponent. The digits
// are borrowed from the text.
struct Decimal {
  bool negative = false;
  absl::string_view integer_digits;
  absl::string_view fraction_digits;
  int64_t exponent = 0;  // clamped to +-10^15, far beyond every limit

  bool IsZero() const;
  // Returns the position of the first nonzero digit relative to the decimal point: 1 for units, 0
  // for tenths. Returns 0 for zero.
  int64_t FirstDigit() const;
  // Returns the number of digits after the decimal point.
  int64_t Scale() const;
};

enum class DecimalGrammar {
  kJson,
  kLoose,  // also '+', leading zeros, ".5" and "5.", as PostgreSQL's numeric reads them
};
// Returns false if the whole of `text` is not a number.
bool ParseDecimal(absl::string_view text, DecimalGrammar grammar, Decimal* decimal);

enum class NumericFit { kFits, kTooLarge, kTooFine };
// Returns whether PostgreSQL accepts the text of `decimal` as numeric; kTooFine if only its scale
// is too large.
NumericFit CheckNumericFit(const Decimal& decimal);

}  // namespace syncline::dataflow
