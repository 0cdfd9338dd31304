#include "server/dataflow/text/decimal.h"

#include <algorithm>

#include "base/json_scanner.h"

namespace syncline::dataflow {
namespace {

constexpr int64_t kExponentBound = 1000000000000000;

absl::string_view Span(const char* begin, const char* end) {
  return absl::string_view(begin, static_cast<size_t>(end - begin));
}

int64_t ReadExponent(absl::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) value = std::min(value * 10 + (c - '0'), kExponentBound);
  return value;
}

// Reads an optional exponent "[eE][+-]digits" at `p`. Returns the position after it, or null if it
// is incomplete.
const char* ParseExponent(const char* p, const char* end, int64_t* exponent) {
  *exponent = 0;
  if (p == end || (*p != 'e' && *p != 'E')) return p;
  ++p;
  bool negative = false;
  if (p != end && (*p == '+' || *p == '-')) negative = *p++ == '-';
  const char* const digits = p;
  p = SkipDigits(p, end);
  if (p == digits) return nullptr;
  *exponent = ReadExponent(Span(digits, p));
  if (negative) *exponent = -*exponent;
  return p;
}

}  // namespace

bool ParseDecimal(absl::string_view text, DecimalGrammar grammar, Decimal* decimal) {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (grammar == DecimalGrammar::kJson && SkipJsonNumber(p, end) != end) return false;
  decimal->negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  const char* const integer = p;
  p = SkipDigits(p, end);
  decimal->integer_digits = Span(integer, p);
  decimal->fraction_digits = absl::string_view();
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    p = SkipDigits(p, end);
    decimal->fraction_digits = Span(fraction, p);
  }
  if (decimal->integer_digits.empty() && decimal->fraction_digits.empty()) return false;
  return ParseExponent(p, end, &decimal->exponent) == end;
}

bool Decimal::IsZero() const {
  return integer_digits.find_first_not_of('0') == absl::string_view::npos &&
         fraction_digits.find_first_not_of('0') == absl::string_view::npos;
}

int64_t Decimal::FirstDigit() const {
  const size_t in_integer = integer_digits.find_first_not_of('0');
  if (in_integer != absl::string_view::npos) {
    return static_cast<int64_t>(integer_digits.size() - in_integer) + exponent;
  }
  const size_t in_fraction = fraction_digits.find_first_not_of('0');
  if (in_fraction == absl::string_view::npos) return 0;
  return exponent - static_cast<int64_t>(in_fraction);
}

int64_t Decimal::Scale() const {
  return std::max<int64_t>(0, static_cast<int64_t>(fraction_digits.size()) - exponent);
}

NumericFit CheckNumericFit(const Decimal& decimal) {
  if (decimal.exponent > kNumericMaxExponent) return NumericFit::kTooLarge;
  if (!decimal.IsZero() && decimal.FirstDigit() > kNumericMaxIntegerDigits) {
    return NumericFit::kTooLarge;
  }
  if (decimal.Scale() > kNumericMaxScale) return NumericFit::kTooFine;
  return NumericFit::kFits;
}

}  // namespace syncline::dataflow
