#include "tests/fuzz/decimal_reference.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/expect.h"

namespace syncline::fuzz {
namespace {

constexpr int64_t kMaxDigitsBefore = 131072;
constexpr int64_t kMaxDigitsAfter = 16383;
// Far beyond every limit, but far from an overflow.
constexpr int64_t kExponentCap = 100000000000000000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

ReferenceDecimal Normalized(ReferenceDecimal decimal) {
  const size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  decimal.digits.erase(0, first);
  while (decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  return decimal;
}

int At16(absl::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]) * 256 + static_cast<unsigned char>(bytes[at + 1]);
}

// Adds one to the last digit: 1999 becomes 2000.
void AddOne(std::string* digits) {
  for (auto digit = digits->rbegin(); digit != digits->rend(); ++digit) {
    if (*digit != '9') {
      ++*digit;
      return;
    }
    *digit = '0';
  }
  digits->insert(digits->begin(), '1');
}

}  // namespace

std::string ToString(const ReferenceDecimal& decimal) {
  return absl::StrCat(decimal.negative ? "-" : "+", decimal.digits, "e", decimal.exponent);
}

std::optional<WrittenDecimal> ReadDecimal(absl::string_view text) {
  WrittenDecimal written;
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
    written.value.negative = text[at++] == '-';
  }
  int64_t behind_point = 0;
  bool point = false;
  for (; at < text.size() && (IsDigit(text[at]) || (text[at] == '.' && !point)); ++at) {
    if (text[at] == '.') {
      point = true;
      continue;
    }
    written.value.digits.push_back(text[at]);
    if (point) ++behind_point;
  }
  if (written.value.digits.empty()) return std::nullopt;
  int64_t exponent = 0;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    ++at;
    const bool negative = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (at == text.size()) return std::nullopt;
    for (; at < text.size(); ++at) {
      if (!IsDigit(text[at])) return std::nullopt;
      exponent = std::min(exponent * 10 + (text[at] - '0'), kExponentCap);
    }
    if (negative) exponent = -exponent;
  }
  written.scale = std::max<int64_t>(0, behind_point - exponent);
  written.value.exponent = exponent - behind_point;
  written.value = Normalized(written.value);
  return written;
}

std::optional<StoredDecimal> StoreAsNumeric(const WrittenDecimal& written) {
  StoredDecimal stored{written.value, false};
  ReferenceDecimal& value = stored.value;
  if (value.digits.empty()) return stored;
  const auto before = [&value] {
    return static_cast<int64_t>(value.digits.size()) + value.exponent;
  };
  if (before() > kMaxDigitsBefore) return std::nullopt;
  const int64_t dropped = -kMaxDigitsAfter - value.exponent;
  if (dropped > 0) {
    stored.cut = true;
    const int64_t kept = static_cast<int64_t>(value.digits.size()) - dropped;
    const bool up = kept >= 0 && value.digits[static_cast<size_t>(kept)] >= '5';
    value.digits.resize(static_cast<size_t>(std::max<int64_t>(kept, 0)));
    if (up) AddOne(&value.digits);
    value.exponent = -kMaxDigitsAfter;
    value = Normalized(value);
    if (before() > kMaxDigitsBefore) return std::nullopt;
  }
  return stored;
}

std::optional<int64_t> StoreAsBigint(const ReferenceDecimal& value) {
  if (value.digits.empty()) return 0;
  constexpr int64_t kMaxDigits = 19;
  if (value.exponent < 0 ||
      static_cast<int64_t>(value.digits.size()) + value.exponent > kMaxDigits) {
    return std::nullopt;
  }
  absl::int128 number = 0;
  for (const char c : value.digits) number = number * 10 + (c - '0');
  for (int64_t i = 0; i < value.exponent; ++i) number *= 10;
  if (value.negative) number = -number;
  if (number < std::numeric_limits<int64_t>::min() ||
      number > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(number);
}

ReferenceDecimal ReadNumericField(absl::string_view bytes, int64_t* scale) {
  constexpr size_t kHeaderBytes = 8;
  Expect(bytes.size() >= kHeaderBytes, "a numeric has a header", bytes);
  const int groups = At16(bytes, 0);
  const int weight = static_cast<int16_t>(At16(bytes, 2));
  const int sign = At16(bytes, 4);
  *scale = At16(bytes, 6);
  Expect(sign == 0 || sign == 0x4000, "a numeric is positive or negative", bytes);
  Expect(*scale <= kMaxDigitsAfter, "a numeric's scale is within PostgreSQL's limit", *scale);
  Expect(bytes.size() == kHeaderBytes + 2 * static_cast<size_t>(groups),
         "a numeric has the stated number of groups", bytes);
  ReferenceDecimal decimal;
  for (int i = 0; i < groups; ++i) {
    const int group = At16(bytes, kHeaderBytes + 2 * static_cast<size_t>(i));
    Expect(group < 10000, "a group has four decimal digits", group);
    Expect(group != 0 || (i != 0 && i != groups - 1), "no group of zeros at either end", bytes);
    absl::StrAppend(&decimal.digits, absl::Dec(group, absl::kZeroPad4));
  }
  Expect(groups != 0 || (sign == 0 && weight == 0), "zero has one encoding", bytes);
  decimal.negative = sign != 0;
  decimal.exponent = 4 * (int64_t{weight} - groups + 1);
  decimal = Normalized(decimal);
  Expect(static_cast<int64_t>(decimal.digits.size()) + decimal.exponent <= kMaxDigitsBefore,
         "a numeric has at most 131072 digits before the point", decimal.exponent);
  // numeric_recv drops digits beyond the scale without an error.
  Expect(-decimal.exponent <= *scale, "no digit is beyond the scale", ToString(decimal));
  return decimal;
}

}  // namespace syncline::fuzz
