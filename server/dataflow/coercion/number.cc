// numeric: keeps every digit of the decimal text and never converts it to a double.
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json_scanner.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/decimal.h"

namespace syncline::dataflow {
namespace {

// Builds text in the scratch space.
class TextBuilder {
 public:
  TextBuilder(size_t capacity, ScratchArena* scratch)
      : scratch_(scratch), start_(scratch->Allocate(capacity)), end_(start_) {}
  void Append(absl::string_view piece) {
    if (!piece.empty()) std::memcpy(end_, piece.data(), piece.size());
    end_ += piece.size();
  }
  absl::string_view Finish() {
    scratch_->TrimTo(end_);
    return absl::string_view(start_, static_cast<size_t>(end_ - start_));
  }

 private:
  ScratchArena* scratch_;
  char* start_;
  char* end_;
};

constexpr size_t kSignAndExponent = 32;

absl::string_view WithoutLeadingZeros(absl::string_view digits) {
  const size_t first = digits.find_first_not_of('0');
  return first == absl::string_view::npos ? absl::string_view() : digits.substr(first);
}

// Returns `decimal` in the form that Value requires.
absl::string_view Rebuild(const Decimal& decimal, ScratchArena* scratch) {
  const absl::string_view integer = WithoutLeadingZeros(decimal.integer_digits);
  TextBuilder text(integer.size() + decimal.fraction_digits.size() + kSignAndExponent, scratch);
  if (decimal.negative) text.Append("-");
  text.Append(integer.empty() ? "0" : integer);
  if (!decimal.fraction_digits.empty()) {
    text.Append(".");
    text.Append(decimal.fraction_digits);
  }
  if (decimal.exponent != 0) text.Append(absl::StrCat("e", decimal.exponent));
  return text.Finish();
}

// Increments the number with the digits [begin, end), which a '0' precedes. Returns the position of
// the result's first digit.
char* Increment(char* begin, char* end) {
  char* digit = end - 1;
  while (*digit == '9') *digit-- = '0';
  ++*digit;
  return digit < begin ? digit : begin;
}

// Rounds `decimal`, whose scale exceeds kNumericMaxScale, half away from zero.
Coercion Round(const Decimal& decimal, ScratchArena* scratch, Value* value) {
  *value = Value::Text("0");
  if (decimal.IsZero()) return Coercion::kFits;
  const int64_t kept = decimal.FirstDigit() + kNumericMaxScale;
  if (kept < 0) return Coercion::kCut;
  TextBuilder joined(decimal.integer_digits.size() + decimal.fraction_digits.size(), scratch);
  joined.Append(decimal.integer_digits);
  joined.Append(decimal.fraction_digits);
  const absl::string_view digits = WithoutLeadingZeros(joined.Finish());
  // The scale exceeds the maximum, so at least one digit is dropped.
  const absl::string_view dropped = digits.substr(static_cast<size_t>(kept));

  char* begin = scratch->Allocate(static_cast<size_t>(kept) + 1);
  *begin++ = '0';
  char* const end = begin + kept;
  std::memcpy(begin, digits.data(), static_cast<size_t>(kept));
  if (dropped[0] >= '5') begin = Increment(begin, end);
  if (end - begin > kNumericMaxIntegerDigits + kNumericMaxScale) return Coercion::kOutOfRange;

  Decimal rounded;
  rounded.negative = decimal.negative;
  rounded.integer_digits = absl::string_view(begin, static_cast<size_t>(end - begin));
  rounded.exponent = -kNumericMaxScale;
  if (!rounded.IsZero()) *value = Value::Text(Rebuild(rounded, scratch));
  const bool exact = dropped.find_first_not_of('0') == absl::string_view::npos;
  return exact ? Coercion::kFits : Coercion::kCut;
}

// `text` is the text from which `decimal` was read.
Coercion FromDecimal(absl::string_view text, const Decimal& decimal, ScratchArena* scratch,
                     Value* value) {
  switch (CheckNumericFit(decimal)) {
    case NumericFit::kTooLarge:
      if (!decimal.IsZero()) return Coercion::kOutOfRange;
      *value = Value::Text("0");
      return Coercion::kFits;
    case NumericFit::kTooFine:
      return Round(decimal, scratch, value);
    case NumericFit::kFits:
      break;
  }
  const char* const end = text.data() + text.size();
  const bool as_promised =
      SkipJsonNumber(text.data(), end) == end && text.find('E') == absl::string_view::npos;
  *value = Value::Text(as_promised ? text : Rebuild(decimal, scratch));
  return Coercion::kFits;
}

Coercion FromText(absl::string_view text, ScratchArena* scratch, Value* value) {
  const absl::string_view number = absl::StripAsciiWhitespace(text);
  Decimal decimal;
  if (!ParseDecimal(number, DecimalGrammar::kLoose, &decimal)) return Coercion::kUnreadable;
  return FromDecimal(number, decimal, scratch, value);
}

// Returns whether `token` is a number without an exponent and within numeric's limits, the form of
// nearly every number.
inline bool IsPlain(absl::string_view token) {
  const char* p = token.data();
  const char* const end = p + token.size();
  if (static_cast<int64_t>(token.size()) > kNumericMaxScale) return false;
  for (const char* c = p; c != end; ++c) {
    if (*c > '9') return false;  // an exponent, or not a number
  }
  return SkipJsonNumber(p, end) == end;
}

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (IsPlain(token)) {
    *value = Value::Text(token);
    return Coercion::kFits;
  }
  if (token[0] == '"') return CoerceStringToken(token, FromText, scratch, value);
  Decimal decimal;
  if (!ParseDecimal(token, DecimalGrammar::kJson, &decimal)) {
    return CoerceForeignToken(token, scratch);
  }
  return FromDecimal(token, decimal, scratch, value);
}

}  // namespace

const Coercer kNumericCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
