#include "server/dataflow/coercion/calendar.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/digit_word.h"
#include "base/json_scanner.h"
#include "server/model/value.h"

namespace syncline::dataflow {
namespace {

constexpr int kMaxYearDigits = 7;
constexpr DigitForm kYearAndMonth("0000-00-");
constexpr DigitForm kClock("00:00:00");

// Reads text from its front.
class Cursor {
 public:
  explicit Cursor(absl::string_view text) : p_(text.data()), end_(p_ + text.size()) {}

  bool AtEnd() const { return p_ == end_; }
  absl::string_view rest() const { return {p_, static_cast<size_t>(end_ - p_)}; }
  char Peek(size_t ahead = 0) const {
    return ahead < static_cast<size_t>(end_ - p_) ? p_[ahead] : '\0';
  }
  void Skip(size_t count) { p_ += count; }
  bool Take(char c) {
    if (Peek() != c || AtEnd()) return false;
    ++p_;
    return true;
  }
  bool TakeWord(absl::string_view word) {
    if (!absl::StartsWithIgnoreCase(rest(), word)) return false;
    Skip(word.size());
    return true;
  }
  void SkipSpaces() {
    while (Peek() == ' ') ++p_;
  }
  size_t CountDigits() const {
    size_t count = 0;
    while (IsDigit(Peek(count))) ++count;
    return count;
  }
  // Reads `count` digits, at most 18, which must be present.
  int64_t TakeNumber(size_t count) {
    int64_t number = 0;
    for (; count > 0; --count) number = number * 10 + (*p_++ - '0');
    return number;
  }
  // Reads a number of one or two digits. Returns -1 if there is none.
  int TakeOneOrTwo() {
    const size_t count = CountDigits();
    if (count < 1 || count > 2) return -1;
    return static_cast<int>(TakeNumber(count));
  }
  // Returns whether the next eight characters have the form, and reads their digits.
  bool Match(const DigitForm& form, DigitPairs* pairs) const {
    return end_ - p_ >= 8 && form.Match(p_, pairs);
  }
  // Reads the next six characters if they are digits.
  bool TakeSixDigits(int64_t* number) {
    if (end_ - p_ < 6) return false;
    const uint64_t digits = LoadShortWord(p_, 6) ^ (RepeatByte('0') >> 16);
    if (FindBytesAbove(digits, RepeatByte(9)) != 0) return false;
    *number = ReadEightDigits(digits << 16);
    p_ += 6;
    return true;
  }
  // Returns the number of the two digits at `ahead`, or -1 if they are not digits.
  int TwoAt(size_t ahead) const {
    const char tens = Peek(ahead);
    const char ones = Peek(ahead + 1);
    return IsDigit(tens) && IsDigit(ones) ? (tens - '0') * 10 + (ones - '0') : -1;
  }

 private:
  const char* p_;
  const char* end_;
};

struct ParsedDate {
  int64_t year = 0;
  bool two_digits = false;
  bool too_long = false;  // more digits than the years of any type
  int month = 0;
  int day = 0;
};

void TakeYear(size_t digits, Cursor* cursor, ParsedDate* date) {
  date->two_digits = digits == 2;
  date->too_long = digits > kMaxYearDigits;
  if (date->too_long) {
    cursor->Skip(digits);
  } else {
    date->year = cursor->TakeNumber(digits);
  }
}

// Reads YYYY-MM-DD, also with another separator or with years of another length.
bool TakeSeparatedDate(Cursor* cursor, ParsedDate* date) {
  Cursor c = *cursor;
  const size_t digits = c.CountDigits();
  const char separator = c.Peek(digits);
  if (digits < 2 || absl::string_view("-/. ").find(separator) == absl::string_view::npos) {
    return false;
  }
  TakeYear(digits, &c, date);
  c.Skip(1);
  date->month = c.TakeOneOrTwo();
  if (date->month < 0 || !c.Take(separator)) return false;
  date->day = c.TakeOneOrTwo();
  if (date->day < 0) return false;
  *cursor = c;
  return true;
}

// Reads YYYYMMDD, YYMMDD, or a year of 5 to 7 digits followed by MMDD. Seven digits in total are
// refused, because they could also be a year and a day of the year.
bool TakeCompactDate(Cursor* cursor, ParsedDate* date) {
  const size_t digits = cursor->CountDigits();
  if (digits != 6 && (digits < 8 || digits > 4 + kMaxYearDigits)) return false;
  TakeYear(digits - 4, cursor, date);
  date->month = static_cast<int>(cursor->TakeNumber(2));
  date->day = static_cast<int>(cursor->TakeNumber(2));
  return true;
}

// Reads YYYY-MM-DD, the form of nearly every date.
inline bool TakeIsoDate(Cursor* cursor, ParsedDate* date) {
  DigitPairs pairs;
  if (!cursor->Match(kYearAndMonth, &pairs) || IsDigit(cursor->Peek(10))) return false;
  date->day = cursor->TwoAt(8);
  if (date->day < 0) return false;
  date->year = pairs.At(0) * 100 + pairs.At(2);
  date->month = pairs.At(5);
  cursor->Skip(10);
  return true;
}

// Reads the digits after the decimal point. Digits beyond the sixth are cut, so that no time moves
// to the next second.
int64_t TakeFraction(Cursor* cursor) {
  int64_t micros = 0;
  int64_t unit = 100000;
  if (cursor->TakeSixDigits(&micros)) unit = 0;
  for (; IsDigit(cursor->Peek()); cursor->Skip(1)) {
    micros += (cursor->Peek() - '0') * unit;
    unit /= 10;
  }
  return micros;
}

// Reads hours, minutes and optional seconds. If it returns false, the cursor's position is
// undefined.
bool TakeClockFields(Cursor* cursor, int* hour, int* minute, int* second) {
  *second = 0;
  const size_t digits = cursor->CountDigits();
  if (digits == 4 || digits == 6) {  // HHMM, HHMMSS
    *hour = static_cast<int>(cursor->TakeNumber(2));
    *minute = static_cast<int>(cursor->TakeNumber(2));
    if (digits == 6) *second = static_cast<int>(cursor->TakeNumber(2));
    return true;
  }
  *hour = cursor->TakeOneOrTwo();
  if (*hour < 0 || !cursor->Take(':')) return false;
  *minute = cursor->TakeOneOrTwo();
  if (*minute < 0) return false;
  if (cursor->Take(':')) *second = cursor->TakeOneOrTwo();
  return *second >= 0;
}

// Reads a time of day as PostgreSQL does: second 60 carries over, and the maximum is 24:00:00.
bool TakeClock(Cursor* cursor, int64_t* micros) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  DigitPairs pairs;
  if (cursor->Match(kClock, &pairs) && !IsDigit(cursor->Peek(8))) {
    hour = pairs.At(0);
    minute = pairs.At(3);
    second = pairs.At(6);
    cursor->Skip(8);
  } else if (!TakeClockFields(cursor, &hour, &minute, &second)) {
    return false;
  }
  if (hour > 24 || minute > 59 || second > 60) return false;
  const int64_t seconds = hour * int64_t{3600} + minute * int64_t{60} + second;
  *micros = seconds * kMicrosPerSecond;
  if (cursor->Take('.') || cursor->Take(',')) *micros += TakeFraction(cursor);
  return *micros <= kMicrosPerDay;
}

// Reads +hh, +hhmm, +hh:mm, +hhmmss, +hh:mm:ss, Z, UTC or GMT after optional spaces. Returns false
// for a malformed offset. A missing zone is accepted and means 0.
bool TakeZone(Cursor* cursor, int64_t* east_seconds) {
  *east_seconds = 0;
  Cursor c = *cursor;
  c.SkipSpaces();
  const char sign = c.Peek();
  if (sign != '+' && sign != '-') {
    if (c.Take('Z') || c.TakeWord("UTC") || c.TakeWord("GMT") || c.Take('z')) *cursor = c;
    return true;
  }
  c.Skip(1);
  int64_t parts[3] = {0, 0, 0};
  const size_t digits = c.CountDigits();
  if (digits == 4 || digits == 6) {
    for (size_t i = 0; i < digits / 2; ++i) parts[i] = c.TakeNumber(2);
  } else {
    for (int i = 0; i < 3 && (i == 0 || c.Take(':')); ++i) {
      parts[i] = c.TakeOneOrTwo();
      if (parts[i] < 0) return false;
    }
  }
  if (parts[0] > 15 || parts[1] > 59 || parts[2] > 59) return false;
  *east_seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
  if (sign == '-') *east_seconds = -*east_seconds;
  *cursor = c;
  return true;
}

enum class Era { kNone, kAd, kBc };

Era TakeEra(Cursor* cursor) {
  if (cursor->AtEnd()) return Era::kNone;
  Cursor c = *cursor;
  c.SkipSpaces();
  const char first = absl::ascii_toupper(static_cast<unsigned char>(c.Peek()));
  if (first != 'A' && first != 'B') return Era::kNone;
  const Era era = c.TakeWord("BC") ? Era::kBc : c.TakeWord("AD") ? Era::kAd : Era::kNone;
  if (era != Era::kNone) *cursor = c;
  return era;
}

// Avoids the two calls of StripAsciiWhitespace for text without white space around it.
inline absl::string_view Trimmed(absl::string_view text) {
  if (text.empty() || (text.front() > ' ' && text.back() > ' ')) return text;
  return absl::StripAsciiWhitespace(text);
}

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool IsDayOfMonth(int64_t year, int month, int day) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= kDays[month - 1] || (month == 2 && day == 29 && IsLeapYear(year));
}

// Returns the astronomical year. Years of two digits are read as PostgreSQL reads them.
int64_t GetAstronomicalYear(const ParsedDate& date, Era era) {
  if (era == Era::kBc) return 1 - date.year;
  if (date.two_digits && era == Era::kNone) return date.year + (date.year < 70 ? 2000 : 1900);
  return date.year;
}

bool Finish(const ParsedDate& date, Era era, DateTime* result) {
  const bool year_zero = date.year == 0 && (!date.two_digits || era != Era::kNone);
  if (date.too_long || year_zero) {
    result->in_range = false;
    return IsDayOfMonth(0, date.month, date.day);
  }
  result->in_range = true;
  result->year = GetAstronomicalYear(date, era);
  if (!IsDayOfMonth(result->year, date.month, date.day)) return false;
  result->days = DaysFromCivil(result->year, date.month, date.day);
  return true;
}

}  // namespace

int64_t DaysFromCivil(int64_t year, int month, int day) {
  // Years are counted from March, so that the leap day is the last day of a year, and from a
  // multiple of 400 before all years, because unsigned numbers are divided faster.
  constexpr uint32_t kYearsBefore = 400 * 25000;
  constexpr int64_t kDaysBefore = int64_t{25000} * 146097 + 719468;
  constexpr int kDaysFromMarch[] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
  const uint32_t y = static_cast<uint32_t>(year - (month <= 2 ? 1 : 0)) + kYearsBefore;
  return int64_t{y} * 365 + y / 4 - y / 100 + y / 400 + kDaysFromMarch[month - 1] + day - 1 -
         kDaysBefore;
}

CivilDate CivilFromDays(int64_t days) {
  const int64_t from_march = days + 719468;
  const int64_t era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
  const int64_t day_of_era = from_march - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  date.month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool ReadDateTime(absl::string_view text, DateTime* result) {
  Cursor cursor(Trimmed(text));
  ParsedDate date;
  if (!TakeIsoDate(&cursor, &date) && !TakeSeparatedDate(&cursor, &date)) {
    date = ParsedDate();
    if (!TakeCompactDate(&cursor, &date)) return false;
  }
  Era era = TakeEra(&cursor);
  result->micros = 0;
  result->zone_east_seconds = 0;
  if (!cursor.AtEnd()) {
    if (cursor.Take('T') || cursor.Take('t')) {
      // one letter between date and time
    } else if (cursor.Take(' ')) {
      cursor.SkipSpaces();
    } else {
      return false;
    }
    if (!TakeClock(&cursor, &result->micros)) return false;
    if (!TakeZone(&cursor, &result->zone_east_seconds)) return false;
    if (era == Era::kNone) era = TakeEra(&cursor);
    if (!cursor.AtEnd()) return false;
  }
  return Finish(date, era, result);
}

bool ReadTimeOfDay(absl::string_view text, TimeOfDay* result) {
  Cursor cursor(Trimmed(text));
  return TakeClock(&cursor, &result->micros) && TakeZone(&cursor, &result->zone_east_seconds) &&
         cursor.AtEnd();
}

}  // namespace syncline::dataflow
