#include "client/inferred_type.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace syncline::client {
namespace {

// Well within the limits of numeric: 131,072 digits before the point and 16,383 after it.
constexpr size_t kMaxNumberDigits = 16'000;
constexpr int kMaxExponent = 16'000;
// Integers of at most this many characters are less than 2^63.
constexpr size_t kMaxSafeDigits = 18;

// Consumes exactly `digits` digits.
bool TakeDigits(absl::string_view* text, size_t digits, int* value) {
  if (text->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>((*text)[i]))) return false;
    *value = *value * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(digits);
  return true;
}

int DaysOfMonth(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool TakeDate(absl::string_view* text) {
  int year = 0;
  int month = 0;
  int day = 0;
  // Most texts are not dates; this check rejects them early.
  if (text->size() < 10 || (*text)[4] != '-' || (*text)[7] != '-') return false;
  if (!TakeDigits(text, 4, &year) || !absl::ConsumePrefix(text, "-") ||
      !TakeDigits(text, 2, &month) || !absl::ConsumePrefix(text, "-") ||
      !TakeDigits(text, 2, &day)) {
    return false;
  }
  return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= DaysOfMonth(year, month);
}

bool TakeTime(absl::string_view* text) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!TakeDigits(text, 2, &hour) || !absl::ConsumePrefix(text, ":") ||
      !TakeDigits(text, 2, &minute) || hour > 23 || minute > 59) {
    return false;
  }
  if (!absl::ConsumePrefix(text, ":")) return true;
  if (!TakeDigits(text, 2, &second) || second > 59) return false;
  if (!absl::ConsumePrefix(text, ".")) return true;
  int digit = 0;
  if (!TakeDigits(text, 1, &digit)) return false;
  while (TakeDigits(text, 1, &digit)) continue;
  return true;
}

// Z, +hh:mm, +hhmm or +hh.
bool IsZone(absl::string_view text) {
  if (text == "Z" || text == "z") return true;
  if (!absl::ConsumePrefix(&text, "+") && !absl::ConsumePrefix(&text, "-")) return false;
  int value = 0;
  if (!TakeDigits(&text, 2, &value) || value > 15) return false;
  absl::ConsumePrefix(&text, ":");
  return text.empty() || (TakeDigits(&text, 2, &value) && value < 60 && text.empty());
}

// Returns kString if the text is neither a date nor a timestamp.
InferredType TemporalType(absl::string_view text) {
  if (!TakeDate(&text)) return InferredType::kString;
  if (text.empty()) return InferredType::kDate;
  if (!absl::ConsumePrefix(&text, "T") && !absl::ConsumePrefix(&text, " ")) {
    return InferredType::kString;
  }
  if (!TakeTime(&text)) return InferredType::kString;
  if (text.empty()) return InferredType::kTimestamp;
  return IsZone(text) ? InferredType::kTimestampTz : InferredType::kString;
}

// `number` is a JSON number. A number that no numeric column can hold is a string.
InferredType NumberType(absl::string_view number) {
  size_t digits = 0;  // before the exponent, including the sign and the point
  bool integer = true;
  while (digits < number.size() && number[digits] != 'e' && number[digits] != 'E') {
    integer = integer && number[digits] != '.';
    ++digits;
  }
  if (digits < number.size()) {
    int power = 0;
    const bool fits = absl::SimpleAtoi(number.substr(digits + 1), &power) &&
                      power <= kMaxExponent && power >= -kMaxExponent;
    if (!fits) return InferredType::kString;
  } else if (integer && digits <= kMaxSafeDigits) {
    return InferredType::kInteger;
  }
  if (digits > kMaxNumberDigits) return InferredType::kString;
  int64_t value = 0;
  return integer && absl::SimpleAtoi(number, &value) ? InferredType::kInteger
                                                     : InferredType::kNumber;
}

// Programs write an exponent with a point or a sign (1.5E7, 1e-05, 1e+16). 1e5 is more likely a
// name or a hash.
bool LooksLikeIdentifier(absl::string_view number) {
  const size_t exponent = number.find_first_of("eE");
  if (exponent == absl::string_view::npos) return false;
  const char next = number[exponent + 1];
  return next != '+' && next != '-' && !absl::StrContains(number, '.');
}

bool IsNested(InferredType type) {
  return type == InferredType::kObject || type == InferredType::kArray ||
         type == InferredType::kAny;
}

bool IsNumeric(InferredType type) {
  return type == InferredType::kInteger || type == InferredType::kNumber;
}

}  // namespace

absl::string_view PropertySchema(InferredType type) {
  switch (type) {
    case InferredType::kBoolean:
      return R"({"type":["null","boolean"]})";
    case InferredType::kInteger:
      return R"({"type":["null","integer"]})";
    case InferredType::kNumber:
      return R"({"type":["null","number"]})";
    case InferredType::kDate:
      return R"({"type":["null","string"],"format":"date"})";
    case InferredType::kTimestamp:
      return R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_without_timezone"})";
    case InferredType::kTimestampTz:
      return R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone"})";
    case InferredType::kNone:
    case InferredType::kString:
      return R"({"type":["null","string"]})";
    case InferredType::kObject:
      return R"({"type":["null","object"]})";
    case InferredType::kArray:
      return R"({"type":["null","array"]})";
    case InferredType::kAny:
      return "{}";
  }
  return "";
}

absl::string_view PostgresTypeName(InferredType type) {
  switch (type) {
    case InferredType::kBoolean:
      return "boolean";
    case InferredType::kInteger:
      return "bigint";
    case InferredType::kNumber:
      return "numeric";
    case InferredType::kDate:
      return "date";
    case InferredType::kTimestamp:
      return "timestamp";
    case InferredType::kTimestampTz:
      return "timestamptz";
    case InferredType::kNone:
    case InferredType::kString:
      return "varchar";
    case InferredType::kObject:
    case InferredType::kArray:
    case InferredType::kAny:
      return "jsonb";
  }
  return "";
}

InferredType Widen(InferredType a, InferredType b) {
  if (a == b || b == InferredType::kNone) return a;
  if (a == InferredType::kNone) return b;
  if (IsNested(a) || IsNested(b)) return InferredType::kAny;
  if (IsNumeric(a) && IsNumeric(b)) return InferredType::kNumber;
  return InferredType::kString;
}

InferredType InferJsonType(JsonText value) {
  switch (value.kind) {
    case JsonKind::kObject:
      return InferredType::kObject;
    case JsonKind::kArray:
      return InferredType::kArray;
    case JsonKind::kString:
      return TemporalType(value.raw.substr(1, value.raw.size() - 2));
    case JsonKind::kNumber:
      return NumberType(value.raw);
    case JsonKind::kBoolean:
      return InferredType::kBoolean;
    case JsonKind::kNull:
      return InferredType::kNone;
  }
  return InferredType::kNone;
}

InferredType InferTextType(absl::string_view text) {
  if (absl::EqualsIgnoreCase(text, "true") || absl::EqualsIgnoreCase(text, "false")) {
    return InferredType::kBoolean;
  }
  if (!IsJsonNumber(text)) return TemporalType(text);
  return LooksLikeIdentifier(text) ? InferredType::kString : NumberType(text);
}

InferredType InferColumnType(absl::string_view postgres_type) {
  if (postgres_type == "bigint" || postgres_type == "integer" || postgres_type == "smallint") {
    return InferredType::kInteger;
  }
  if (absl::StartsWith(postgres_type, "numeric") || postgres_type == "real" ||
      postgres_type == "double precision") {
    return InferredType::kNumber;
  }
  if (postgres_type == "boolean") return InferredType::kBoolean;
  return postgres_type == "jsonb" || postgres_type == "json" ? InferredType::kAny
                                                             : InferredType::kString;
}

}  // namespace syncline::client
