// Fuzzes texts of dates and times, which become fields of COPY BINARY.
//
// The first byte of the input selects a text, whose readings by the column types must agree, or a
// text built from numbers, whose value a slow calendar computes, or a day number for the calendar
// functions.
#include "absl/numeric/int128.h"
#include "absl/strings/str_format.h"
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/postgres/copy/row_encoder.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/copy_row.h"
#include "tests/fuzz/expect.h"

namespace syncline::fuzz {
namespace {

using dataflow::Coercion;
using dataflow::ScratchArena;

constexpr int64_t kSecond = 1000000;
constexpr int64_t kDay = 86400 * kSecond;

// The result of reading a text for a column.
struct Reading {
  Coercion coercion = Coercion::kFits;
  CopyField field;

  bool fits() const { return field.has_value(); }
  int64_t number() const { return NumberIn(*field); }
  int64_t zone_west() const { return NumberIn(absl::string_view(*field).substr(8)); }
};

Reading Read(ColumnType type, absl::string_view text) {
  ScratchArena scratch;
  Value value;
  Reading reading;
  reading.coercion = dataflow::GetCoercer(type, JsonShape::kAny).from_text(text, &scratch, &value);
  Expect(reading.coercion == Coercion::kFits || reading.coercion == Coercion::kUnreadable ||
             reading.coercion == Coercion::kOutOfRange,
         "a time is stored exactly or not at all", text);
  if (reading.coercion != Coercion::kFits) return reading;
  ByteBuffer buffer;
  postgres::FieldEncoderFor(type)(value, &buffer);
  absl::string_view bytes = buffer.view();
  reading.field = TakeField(&bytes);
  Expect(reading.fits() && bytes.empty(), "one field", text);
  CheckField(type, JsonShape::kAny, reading.field);
  return reading;
}

void CheckTimesOfDay(absl::string_view text) {
  const Reading local = Read(ColumnType::kTime, text);
  const Reading zoned = Read(ColumnType::kTimetz, text);
  Expect(local.fits() == zoned.fits(), "time and timetz accept the same texts", text);
  Expect(!local.fits() || local.number() == zoned.number(), "time and timetz have the same digits",
         text);
}

void CheckText(absl::string_view text) {
  CheckTimesOfDay(text);
  const Reading date = Read(ColumnType::kDate, text);
  const Reading local = Read(ColumnType::kTimestamp, text);
  const Reading utc = Read(ColumnType::kTimestamptz, text);
  const bool unreadable = date.coercion == Coercion::kUnreadable;
  Expect((local.coercion == Coercion::kUnreadable) == unreadable &&
             (utc.coercion == Coercion::kUnreadable) == unreadable,
         "dates and timestamps are read alike", text);
  if (local.fits()) {
    Expect(date.fits(), "a timestamp's day is a date", text);
    // 24:00 belongs to the day that it ends.
    const int64_t since = local.number() - date.number() * kDay;
    Expect(since >= 0 && since <= kDay, "a timestamp is on its day", text);
  }
  if (local.fits() && utc.fits()) {
    const int64_t zone = utc.number() - local.number();
    Expect(zone % kSecond == 0 && zone > -16 * 3600 * kSecond && zone < 16 * 3600 * kSecond,
           "a zone shifts by whole seconds", text);
  }
}

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysIn(int64_t year, int month) {
  if (month == 2) return IsLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Counts days from 2000-01-01, year by year within a period of 400 years. `year` 0 is 1 BC.
int64_t SlowDays(int64_t year, int month, int day) {
  int64_t days = 0;
  const int64_t periods = (year - 2000) / 400 - ((year - 2000) % 400 < 0 ? 1 : 0);
  for (int64_t y = 2000 + periods * 400; y < year; ++y) days += IsLeap(y) ? 366 : 365;
  for (int m = 1; m < month; ++m) days += DaysIn(year, m);
  return periods * 146097 + days + day - 1;
}

// A date and a time of day, as numbers and in text form.
struct Written {
  int64_t year = 1;  // as written; never 0
  bool bc = false;
  int month = 1;
  int day = 1;
  int64_t seconds = 0;
  std::string fraction;
  bool has_zone = false;
  int64_t zone_east = 0;
  char date_separator = '-';
  char time_separator = 'T';
};

Written Draw(ByteSource* source) {
  Written w;
  w.bc = source->Flag();
  constexpr int64_t kYears[] = {100, 3000, 300000, 9999900};
  w.year =
      100 + static_cast<int64_t>(source->Long() % static_cast<uint64_t>(kYears[source->Below(4)]));
  w.month = source->Below(14);
  w.day = source->Below(34);
  w.seconds = static_cast<int64_t>(source->Long() % 86400);
  for (int digits = source->Below(12); digits > 0; --digits) {
    w.fraction.push_back(static_cast<char>('0' + source->Below(10)));
  }
  w.has_zone = source->Flag();
  w.zone_east = w.has_zone ? static_cast<int64_t>(source->Long() % (32 * 3600)) - 16 * 3600 : 0;
  w.date_separator = "-/."[source->Below(3)];
  w.time_separator = "Tt "[source->Below(3)];
  return w;
}

std::string TextOf(const Written& w) {
  std::string text = absl::StrFormat("%04d%c%02d%c%02d%c%02d:%02d:%02d", w.year, w.date_separator,
                                     w.month, w.date_separator, w.day, w.time_separator,
                                     w.seconds / 3600, w.seconds / 60 % 60, w.seconds % 60);
  if (!w.fraction.empty()) absl::StrAppend(&text, ".", w.fraction);
  if (w.has_zone) {
    const int64_t zone = w.zone_east < 0 ? -w.zone_east : w.zone_east;
    absl::StrAppendFormat(&text, "%c%02d:%02d:%02d", w.zone_east < 0 ? '-' : '+', zone / 3600,
                          zone / 60 % 60, zone % 60);
  }
  if (w.bc) text += " BC";
  return text;
}

// Returns the first six digits of the fraction as microseconds and drops the rest.
int64_t FractionToMicros(const std::string& fraction) {
  int64_t micros = 0;
  for (size_t i = 0; i < 6; ++i)
    micros = micros * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  return micros;
}

void ExpectNumber(const Reading& reading, absl::int128 expected, int64_t first, int64_t last,
                  const char* what, absl::string_view text) {
  const bool in_range = expected >= first && expected <= last;
  Expect(reading.coercion == (in_range ? Coercion::kFits : Coercion::kOutOfRange), what,
         "is in range or not: ", text);
  Expect(!in_range || reading.number() == expected, what, text);
}

void CheckWritten(ByteSource source) {
  const Written w = Draw(&source);
  const std::string text = TextOf(w);
  CheckText(text);
  const Reading date = Read(ColumnType::kDate, text);
  const Reading local = Read(ColumnType::kTimestamp, text);
  const Reading utc = Read(ColumnType::kTimestamptz, text);
  const int64_t year = w.bc ? 1 - w.year : w.year;
  const bool valid = w.month >= 1 && w.month <= 12 && w.day >= 1 &&
                     w.day <= DaysIn(year, w.month) && w.zone_east > -16 * 3600 &&
                     w.zone_east < 16 * 3600;
  if (!valid) {
    return Expect(date.coercion == Coercion::kUnreadable,
                  "a date outside the calendar is unreadable", text);
  }
  const int64_t days = SlowDays(year, w.month, w.day);
  ExpectNumber(date, days, SlowDays(-4713, 11, 24), SlowDays(5874897, 12, 31), "date", text);
  const absl::int128 micros =
      absl::int128(days) * kDay + w.seconds * kSecond + FractionToMicros(w.fraction);
  const int64_t first = SlowDays(-4713, 11, 24) * kDay;
  const int64_t last = SlowDays(294277, 1, 1) * kDay - 1;
  ExpectNumber(local, micros, first, last, "timestamp", text);
  ExpectNumber(utc, micros - w.zone_east * kSecond, first, last, "timestamptz", text);
  const Reading time =
      Read(ColumnType::kTimetz, absl::string_view(text).substr(text.find(w.time_separator) + 1));
  if (w.bc) return;
  Expect(time.fits() && time.number() == w.seconds * kSecond + FractionToMicros(w.fraction) &&
             time.zone_west() == -w.zone_east,
         "a time is truncated, never rounded", text);
}

void CheckCalendar(ByteSource source) {
  const auto days = static_cast<int64_t>(source.Long() % 4000000000) - 2500000;
  const dataflow::CivilDate date = dataflow::CivilFromDays(days);
  Expect(date.month >= 1 && date.month <= 12 && date.day >= 1 &&
             date.day <= DaysIn(date.year, date.month),
         "a day of the calendar", days);
  Expect(dataflow::DaysFromCivil(date.year, date.month, date.day) == days,
         "CivilFromDays and DaysFromCivil are inverse", days);
  Expect(SlowDays(date.year, date.month, date.day) + kPostgresEpochDays == days,
         "the slow calendar agrees", days);
}

void CheckInput(ByteSource source) {
  switch (source.Below(3)) {
    case 0:
      return CheckText(source.Rest());
    case 1:
      return CheckWritten(source);
    default:
      return CheckCalendar(source);
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
