// bigint: accepts integers, also as text and with a fraction or exponent if the value is an
// integer.
#include <limits>

#include "absl/strings/ascii.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/decimal.h"

namespace syncline::dataflow {
namespace {

// Numbers of up to 18 digits fit int64_t.
constexpr size_t kMaxFastDigits = 18;

// Returns the digit at `position` before the decimal point (0 for units). The exponent of `decimal`
// may be large.
int DigitAt(const Decimal& decimal, int64_t position) {
  const int64_t from_point = position - decimal.exponent;
  if (from_point >= 0) {
    const auto size = static_cast<int64_t>(decimal.integer_digits.size());
    return from_point < size
               ? decimal.integer_digits[static_cast<size_t>(size - 1 - from_point)] - '0'
               : 0;
  }
  const auto index = static_cast<size_t>(-from_point - 1);
  return index < decimal.fraction_digits.size() ? decimal.fraction_digits[index] - '0' : 0;
}

// Returns whether the value of `decimal`, which must not be zero, has a fractional part.
bool HasFraction(const Decimal& decimal) {
  // Compares the position of the last nonzero digit, counted as in DigitAt, with 0.
  const size_t in_fraction = decimal.fraction_digits.find_last_not_of('0');
  if (in_fraction != absl::string_view::npos) {
    return decimal.exponent - static_cast<int64_t>(in_fraction) - 1 < 0;
  }
  const size_t in_integer = decimal.integer_digits.find_last_not_of('0');
  const size_t trailing_zeros = decimal.integer_digits.size() - 1 - in_integer;
  return decimal.exponent + static_cast<int64_t>(trailing_zeros) < 0;
}

Coercion FromDecimal(const Decimal& decimal, Value* value) {
  if (decimal.IsZero()) {
    *value = Value::Scalar(0);
    return Coercion::kFits;
  }
  const int64_t digits = decimal.FirstDigit();
  if (digits > 19) return Coercion::kOutOfRange;
  if (digits < 1 || HasFraction(decimal)) return Coercion::kUnreadable;
  uint64_t magnitude = 0;  // 19 digits fit 64 bits
  for (int64_t position = digits - 1; position >= 0; --position) {
    magnitude = magnitude * 10 + static_cast<uint64_t>(DigitAt(decimal, position));
  }
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (magnitude > kMax + (decimal.negative ? 1 : 0)) return Coercion::kOutOfRange;
  *value = Value::Scalar(static_cast<int64_t>(decimal.negative ? 0 - magnitude : magnitude));
  return Coercion::kFits;
}

Coercion FromText(absl::string_view text, ScratchArena*, Value* value) {
  Decimal decimal;
  if (!ParseDecimal(absl::StripAsciiWhitespace(text), DecimalGrammar::kLoose, &decimal)) {
    return Coercion::kUnreadable;
  }
  return FromDecimal(decimal, value);
}

// Reads plain digits, the form of nearly every integer. Returns false for any other form.
inline bool FromPlainDigits(absl::string_view token, Value* value) {
  const bool negative = token[0] == '-';
  const char* p = token.data() + (negative ? 1 : 0);
  const char* const end = token.data() + token.size();
  const auto digits = static_cast<size_t>(end - p);
  if (digits == 0 || digits > kMaxFastDigits || (*p == '0' && digits > 1)) return false;
  int64_t number = 0;
  for (; p != end; ++p) {
    const auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  *value = Value::Scalar(negative ? -number : number);
  return true;
}

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (FromPlainDigits(token, value)) return Coercion::kFits;
  if (token[0] == '"') return CoerceStringToken(token, FromText, scratch, value);
  Decimal decimal;
  if (ParseDecimal(token, DecimalGrammar::kJson, &decimal)) return FromDecimal(decimal, value);
  return CoerceForeignToken(token, scratch);
}

}  // namespace

const Coercer kBigintCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
