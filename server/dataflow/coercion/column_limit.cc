#include "server/dataflow/coercion/column_limit.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/utf8.h"
#include "server/dataflow/text/decimal.h"
#include "server/model/names.h"

namespace syncline::dataflow {
namespace {

// Returns the numbers of the modifier: 10 and 2 for "numeric(10,2)".
std::vector<int64_t> GetModifier(absl::string_view type) {
  std::vector<int64_t> numbers;
  const size_t open = type.find('(');
  const size_t close = type.find(')');
  if (open == absl::string_view::npos || close == absl::string_view::npos) return numbers;
  for (const absl::string_view part :
       absl::StrSplit(type.substr(open + 1, close - open - 1), ',')) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(part, &number)) return {};
    numbers.push_back(number);
  }
  return numbers;
}

int64_t GetFractionUnit(int64_t digits) {
  int64_t unit = kMicrosPerSecond;
  for (; digits > 0 && unit > 1; --digits) unit /= 10;
  return unit;
}

Coercion CutDigits(int64_t scale, ScratchArena* scratch, Value* value) {
  Decimal decimal;
  if (!ParseDecimal(value->text(), DecimalGrammar::kJson, &decimal)) return Coercion::kFits;
  if (decimal.IsZero() || decimal.Scale() <= scale) return Coercion::kFits;
  // Copy all digits, without the decimal point.
  const size_t length = decimal.integer_digits.size() + decimal.fraction_digits.size();
  constexpr size_t kSignAndExponent = 24;
  char* const start = scratch->Allocate(length + kSignAndExponent);
  char* end = start;
  if (decimal.negative) *end++ = '-';
  char* const digits = end;
  for (const absl::string_view part : {decimal.integer_digits, decimal.fraction_digits}) {
    if (!part.empty()) std::memcpy(end, part.data(), part.size());
    end += part.size();
  }
  // Find the digits to drop. The last digit's unit is 10^exponent.
  const int64_t exponent = decimal.exponent - static_cast<int64_t>(decimal.fraction_digits.size());
  const int64_t dropped = -scale - exponent;
  if (dropped <= 0) return Coercion::kFits;
  const int64_t kept = std::max<int64_t>(static_cast<int64_t>(length) - dropped, 0);
  const absl::string_view rest(digits + kept, length - static_cast<size_t>(kept));
  if (rest.find_first_not_of('0') == absl::string_view::npos) return Coercion::kFits;
  const absl::string_view head(digits, static_cast<size_t>(kept));
  const size_t first = head.find_first_not_of('0');
  if (first == absl::string_view::npos) {
    *value = Value::Text("0");
    return Coercion::kCut;
  }
  // Write the number without leading zeros, which JSON does not allow.
  std::memmove(digits, digits + first, head.size() - first);
  end = digits + head.size() - first;
  const std::string power = scale == 0 ? "" : absl::StrCat("e", -scale);
  std::memcpy(end, power.data(), power.size());
  end += power.size();
  scratch->TrimTo(end);
  *value = Value::Text({start, static_cast<size_t>(end - start)});
  return Coercion::kCut;
}

Coercion CutFraction(int64_t unit, Value* value) {
  const int64_t rest = (value->scalar % unit + unit) % unit;
  value->scalar -= rest;
  return rest == 0 ? Coercion::kFits : Coercion::kCut;
}

// Cuts trailing blanks beyond `characters`. Other text that is too long is left to PostgreSQL.
Coercion CutBlanks(int64_t characters, Value* value) {
  const absl::string_view text = value->text();
  if (value->text_size <= characters) return Coercion::kFits;
  size_t end = 0;
  for (int64_t seen = 0; end < text.size(); ++end) {
    if (!ContinuesCharacter(text[end]) && seen++ == characters) break;
  }
  const absl::string_view surplus = text.substr(end);
  if (surplus.empty() || surplus.find_first_not_of(' ') != absl::string_view::npos) {
    return Coercion::kFits;
  }
  *value = Value::Text(text.substr(0, end));
  return Coercion::kCut;
}

Coercion CutBytes(int64_t bytes, Value* value) {
  const absl::string_view text = value->text();
  const absl::string_view kept = CutAtCharacter(text, static_cast<size_t>(bytes));
  if (kept.size() == text.size()) return Coercion::kFits;
  *value = Value::Text(kept);
  return Coercion::kCut;
}

}  // namespace

ColumnLimit GetColumnLimit(const ColumnSchema& column) {
  const absl::string_view type =
      column.stored_type.empty() ? column.table_type : column.stored_type;
  if (type == "name" && column.type == ColumnType::kVarchar) {
    return {ColumnLimit::Kind::kBytes, static_cast<int64_t>(kMaxIdentifierBytes)};
  }
  const std::vector<int64_t> modifier = GetModifier(type);
  if (modifier.empty()) return {};
  const absl::string_view base = type.substr(0, type.find('('));
  switch (column.type) {
    case ColumnType::kNumeric:
      if (base != "numeric") return {};
      return {ColumnLimit::Kind::kScale, modifier.size() > 1 ? modifier[1] : 0};
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
    case ColumnType::kTimetz:
    case ColumnType::kTime:
      return {ColumnLimit::Kind::kFraction, GetFractionUnit(modifier[0])};
    case ColumnType::kVarchar:
      if (base != "character varying" && base != "character") return {};
      return {ColumnLimit::Kind::kCharacters, modifier[0]};
    case ColumnType::kBigint:
    case ColumnType::kBoolean:
    case ColumnType::kDate:
    case ColumnType::kBytea:
    case ColumnType::kJsonb:
      break;
  }
  return {};
}

Coercion ApplyLimit(const ColumnLimit& limit, ScratchArena* scratch, Value* value) {
  switch (limit.kind) {
    case ColumnLimit::Kind::kScale:
      return CutDigits(limit.amount, scratch, value);
    case ColumnLimit::Kind::kFraction:
      return CutFraction(limit.amount, value);
    case ColumnLimit::Kind::kCharacters:
      return CutBlanks(limit.amount, value);
    case ColumnLimit::Kind::kBytes:
      return CutBytes(limit.amount, value);
    case ColumnLimit::Kind::kNone:
      break;
  }
  return Coercion::kFits;
}

}  // namespace syncline::dataflow
