#include "server/postgres/copy/text_fields.h"

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/postgres/copy/field_bytes.h"
#include "server/postgres/copy/text_encoders.h"

namespace syncline::postgres {
namespace {

constexpr int64_t kDaysOfEra = 146097;  // days per 400 years

void AppendField(absl::string_view text, ByteBuffer* out) { EncodeVarchar(Value::Text(text), out); }

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Returns the date `days` after 2000-01-01 in the proleptic Gregorian calendar, such as
// "2024-02-29". If it sets `*bc`, " BC" must follow. The computation uses years that begin in
// March.
std::string DateText(int64_t days, bool* bc) {
  const int64_t shifted = days + kPostgresEpochDays + 719468;
  const int64_t era = FloorDivide(shifted, kDaysOfEra);
  const int64_t day_of_era = shifted - era * kDaysOfEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  *bc = year <= 0;
  return absl::StrFormat("%04d-%02d-%02d", *bc ? 1 - year : year, month, day);
}

std::string TimeText(int64_t microseconds) {
  const int64_t seconds = microseconds / kMicrosPerSecond;
  return absl::StrFormat("%02d:%02d:%02d.%06d", seconds / 3600, seconds / 60 % 60, seconds % 60,
                         microseconds % kMicrosPerSecond);
}

std::string TimestampText(int64_t microseconds, absl::string_view zone) {
  const int64_t days = FloorDivide(microseconds, kMicrosPerDay);
  bool bc = false;
  const std::string date = DateText(days, &bc);
  return absl::StrCat(date, " ", TimeText(microseconds - days * kMicrosPerDay), zone,
                      bc ? " BC" : "");
}

std::string ZoneText(int32_t west_seconds) {
  const int32_t east = -west_seconds;
  const int32_t size = east < 0 ? -east : east;
  return absl::StrFormat("%c%02d:%02d:%02d", east < 0 ? '-' : '+', size / 3600, size / 60 % 60,
                         size % 60);
}

void AppendBytea(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  EncodeVarchar(Value::Text(absl::StrCat("\\x", absl::BytesToHexString(value.text()))), out);
}

void AppendBigint(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(absl::StrCat(value.scalar), out);
}

void AppendBoolean(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(value.scalar != 0 ? "t" : "f", out);
}

void AppendDate(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  bool bc = false;
  const std::string date = DateText(value.scalar, &bc);
  AppendField(absl::StrCat(date, bc ? " BC" : ""), out);
}

void AppendTimestamp(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(TimestampText(value.scalar, ""), out);
}

void AppendTimestamptz(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(TimestampText(value.scalar, "+00"), out);
}

void AppendTime(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(TimeText(value.scalar), out);
}

void AppendTimetz(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendField(absl::StrCat(TimeText(value.scalar), ZoneText(value.zone_west_seconds)), out);
}

uint32_t BigEndian(absl::string_view bytes, size_t count) {
  uint32_t number = 0;
  for (size_t i = 0; i < count; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

void AppendEscaped(absl::string_view text, ByteBuffer* out) {
  size_t from = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const absl::string_view escape = c == '\\'   ? "\\\\"
                                     : c == '\t' ? "\\t"
                                     : c == '\n' ? "\\n"
                                     : c == '\r' ? "\\r"
                                                 : "";
    if (escape.empty()) continue;
    out->Append(text.substr(from, at - from));
    out->Append(escape);
    from = at + 1;
  }
  out->Append(text.substr(from));
}

}  // namespace

TextFieldEncoder TextFieldEncoderFor(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
    case ColumnType::kNumeric:
    case ColumnType::kJsonb:
      return EncodeVarchar;
    case ColumnType::kBigint:
      return AppendBigint;
    case ColumnType::kBoolean:
      return AppendBoolean;
    case ColumnType::kDate:
      return AppendDate;
    case ColumnType::kTimestamptz:
      return AppendTimestamptz;
    case ColumnType::kTimestamp:
      return AppendTimestamp;
    case ColumnType::kTimetz:
      return AppendTimetz;
    case ColumnType::kTime:
      return AppendTime;
    case ColumnType::kBytea:
      return AppendBytea;
  }
  return EncodeVarchar;
}

void AppendTextLines(absl::string_view framed, ByteBuffer* out) {
  while (!framed.empty()) {
    const uint32_t fields = BigEndian(framed, 2);
    framed.remove_prefix(2);
    for (uint32_t field = 0; field < fields; ++field) {
      const auto length = static_cast<int32_t>(BigEndian(framed, 4));
      framed.remove_prefix(4);
      if (field > 0) out->Append("\t");
      if (length < 0) {
        out->Append("\\N");
        continue;
      }
      AppendEscaped(framed.substr(0, static_cast<size_t>(length)), out);
      framed.remove_prefix(static_cast<size_t>(length));
    }
    out->Append("\n");
  }
}

}  // namespace syncline::postgres
