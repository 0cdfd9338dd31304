#include "server/dataflow/parse/typed_value.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/date_range.h"
#include "server/dataflow/coercion/timestamp_range.h"
#include "server/dataflow/parse/decimal_print.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

constexpr int64_t kUnixEpochMicros = kPostgresEpochDays * kMicrosPerDay;
constexpr int64_t kMinUnixMicros = kMinTimestamp + kUnixEpochMicros;

// Prints a number into the scratch space.
template <typename Number>
absl::string_view Print(Number number, ScratchArena* scratch) {
  constexpr size_t kMaxChars = 32;
  char* const begin = scratch->Allocate(kMaxChars);
  char* const end = std::to_chars(begin, begin + kMaxChars, number).ptr;
  scratch->TrimTo(end);
  return absl::string_view(begin, static_cast<size_t>(end - begin));
}

absl::string_view Keep(const std::string& text, ScratchArena* scratch) {
  if (text.empty()) return "";  // the scratch space may have no memory yet
  char* const begin = scratch->Allocate(text.size());
  std::memcpy(begin, text.data(), text.size());
  return absl::string_view(begin, text.size());
}

std::string IsoDate(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  if (date.year > 0) return absl::StrFormat("%04d-%02d-%02d", date.year, date.month, date.day);
  return absl::StrFormat("%04d-%02d-%02d BC", 1 - date.year, date.month, date.day);
}

std::string IsoTime(int64_t micros) {
  const int64_t seconds = micros / kMicrosPerSecond;
  std::string text =
      absl::StrFormat("%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % kMicrosPerSecond != 0) {
    absl::StrAppendFormat(&text, ".%06d", micros % kMicrosPerSecond);
  }
  return text;
}

std::string IsoTimestamp(int64_t unix_micros) {
  int64_t days = unix_micros / kMicrosPerDay;
  if (unix_micros % kMicrosPerDay < 0) --days;
  const CivilDate date = CivilFromDays(days);
  return absl::StrCat(absl::StrFormat("%04d-%02d-%02dT", date.year > 0 ? date.year : 1 - date.year,
                                      date.month, date.day),
                      IsoTime(unix_micros - days * kMicrosPerDay), date.year > 0 ? "Z" : "Z BC");
}

}  // namespace

Coercion FromInt64(int64_t number, const TypedTarget& target, ScratchArena* scratch, Value* value) {
  if (target.type == ColumnType::kBigint) {
    *value = Value::Scalar(number);
    return Coercion::kFits;
  }
  return target.coercer->from_json(Print(number, scratch), scratch, value);
}

Coercion FromUint64(uint64_t number, const TypedTarget& target, ScratchArena* scratch,
                    Value* value) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (number <= kMax) return FromInt64(static_cast<int64_t>(number), target, scratch, value);
  return target.coercer->from_json(Print(number, scratch), scratch, value);
}

Coercion FromDouble(double number, const TypedTarget& target, ScratchArena* scratch, Value* value) {
  if (!std::isfinite(number)) return Coercion::kUnreadable;
  if (target.type == ColumnType::kNumeric) {
    const absl::string_view text = PrintShortDecimal(number, scratch);
    if (!text.empty()) {
      *value = Value::Text(text);
      return Coercion::kFits;
    }
  }
  return target.coercer->from_json(Print(number, scratch), scratch, value);
}

Coercion FromDecimal128(const char* bytes, int32_t scale, const TypedTarget& target,
                        ScratchArena* scratch, Value* value) {
  const absl::string_view text = PrintDecimal128(bytes, scale, scratch);
  if (target.type == ColumnType::kNumeric && std::abs(int64_t{scale}) <= kMaxPlainScale) {
    *value = Value::Text(text);  // far within the limits of numeric
    return Coercion::kFits;
  }
  return target.coercer->from_json(text, scratch, value);
}

Coercion FromBool(bool flag, const TypedTarget& target, ScratchArena* scratch, Value* value) {
  if (target.type == ColumnType::kBoolean) {
    *value = Value::Scalar(flag ? 1 : 0);
    return Coercion::kFits;
  }
  return target.coercer->from_json(flag ? "true" : "false", scratch, value);
}

Coercion FromTimestamp(int64_t unix_micros, const TypedTarget& target, ScratchArena* scratch,
                       Value* value) {
  if (unix_micros < kMinUnixMicros || !IsTimestampInRange(unix_micros - kUnixEpochMicros)) {
    return Coercion::kOutOfRange;
  }
  if (target.type == ColumnType::kTimestamp || target.type == ColumnType::kTimestamptz) {
    *value = Value::Scalar(unix_micros - kUnixEpochMicros);
    return Coercion::kFits;
  }
  return target.coercer->from_text(Keep(IsoTimestamp(unix_micros), scratch), scratch, value);
}

Coercion FromDate(int64_t unix_days, const TypedTarget& target, ScratchArena* scratch,
                  Value* value) {
  constexpr int64_t kMaxDays = int64_t{1} << 31;  // exceeds the dates of every type
  if (unix_days < -kMaxDays || unix_days > kMaxDays) return Coercion::kOutOfRange;
  if (target.type == ColumnType::kDate) {
    const int64_t days = unix_days - kPostgresEpochDays;
    if (!IsDateInRange(days)) return Coercion::kOutOfRange;
    *value = Value::Scalar(days);
    return Coercion::kFits;
  }
  return target.coercer->from_text(Keep(IsoDate(unix_days), scratch), scratch, value);
}

Coercion FromTime(int64_t micros, const TypedTarget& target, ScratchArena* scratch, Value* value) {
  if (micros < 0 || micros > kMicrosPerDay) return Coercion::kOutOfRange;
  if (target.type == ColumnType::kTime) {
    *value = Value::Scalar(micros);
    return Coercion::kFits;
  }
  if (target.type == ColumnType::kTimetz) {
    *value = Value::TimeWithZone(micros, 0);
    return Coercion::kFits;
  }
  return target.coercer->from_text(Keep(IsoTime(micros), scratch), scratch, value);
}

Coercion FromBytes(absl::string_view bytes, const TypedTarget& target, ScratchArena* scratch,
                   Value* value) {
  if (static_cast<int64_t>(bytes.size()) > kMaxFieldBytes) return Coercion::kOutOfRange;
  if (target.type == ColumnType::kBytea) {
    *value = Value::Text(bytes);
    return Coercion::kFits;
  }
  if (target.type != ColumnType::kVarchar && target.type != ColumnType::kJsonb) {
    return Coercion::kUnreadable;
  }
  return target.coercer->from_text(Keep(absl::Base64Escape(bytes), scratch), scratch, value);
}

}  // namespace syncline::dataflow
