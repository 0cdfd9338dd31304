#include "server/dataflow/coercion/calendar.h"

#include <gtest/gtest.h>

#include <cctype>
#include <optional>
#include <string>

namespace syncline::dataflow {
namespace {

std::optional<DateTime> Read(const std::string& text) {
  DateTime read;
  if (!ReadDateTime(text, &read)) return std::nullopt;
  return read;
}

int64_t ReadMicros(const std::string& text) {
  const std::optional<DateTime> read = Read(text);
  return read.has_value() ? read->micros : -1;
}

// Checks that the days after `first` have the dates that follow each other.
void CheckDates(int64_t first, int64_t count) {
  CivilDate before = CivilFromDays(first - 1);
  for (int64_t days = first; days < first + count; ++days) {
    const CivilDate date = CivilFromDays(days);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), days);
    const bool next_day = date.day == before.day + 1 && date.month == before.month;
    const bool next_month =
        date.day == 1 && before.day >= 28 && date.month == before.month % 12 + 1;
    ASSERT_TRUE(next_day || next_month) << date.year << "-" << date.month << "-" << date.day;
    ASSERT_EQ(date.year, before.year + (next_month && date.month == 1 ? 1 : 0));
    before = date;
  }
}

TEST(CalendarTest, DaysAndDatesAreInverse) {
  constexpr int64_t kFourCenturies = 146097;
  EXPECT_EQ(DaysFromCivil(1970, 1, 1), 0);
  EXPECT_EQ(DaysFromCivil(2000, 1, 1), 10957);
  EXPECT_EQ(DaysFromCivil(0, 3, 1), -719468);
  CheckDates(-kFourCenturies / 2, kFourCenturies);
  CheckDates(DaysFromCivil(-1, 1, 1), 3 * 366);
  CheckDates(DaysFromCivil(-4713, 11, 1), 3 * 366);  // the first dates of PostgreSQL
  CheckDates(DaysFromCivil(294276, 1, 1), 3 * 366);  // the last year of its timestamps
  // The first and the last date that ReadDateTime accepts.
  CheckDates(DaysFromCivil(-9999998, 1, 1) + 1, 366);
  CheckDates(DaysFromCivil(9999999, 1, 1), 364);
}

TEST(CalendarTest, ReadsTheUsualForm) {
  const std::optional<DateTime> read = Read("2024-10-29T01:38:59.346940Z");
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->in_range);
  EXPECT_EQ(read->year, 2024);
  EXPECT_EQ(read->days, 20025);
  EXPECT_EQ(read->micros, ((1 * 60 + 38) * 60 + 59) * int64_t{1000000} + 346940);
}

// The digits are read by words, in which any other byte must be noticed.
TEST(CalendarTest, DigitsOfTheUsualFormAreDigits) {
  const std::string text = "2024-10-29T01:38:59.346940Z";
  for (size_t position = 0; position < text.size(); ++position) {
    if (!std::isdigit(static_cast<unsigned char>(text[position]))) continue;
    for (int byte = 0; byte < 256; ++byte) {
      if (std::isdigit(byte)) continue;
      if (position == 0 && std::isspace(byte)) continue;         // white space around it is ignored
      if (position == text.size() - 2 && byte == ' ') continue;  // so are spaces before a zone
      std::string changed = text;
      changed[position] = static_cast<char>(byte);
      EXPECT_FALSE(Read(changed).has_value()) << changed;
    }
  }
}

TEST(CalendarTest, FractionsMayHaveAnyLength) {
  const std::string clock = "2024-10-29 00:00:00";
  EXPECT_EQ(ReadMicros(clock + "."), 0);
  EXPECT_EQ(ReadMicros(clock + ".3"), 300000);
  EXPECT_EQ(ReadMicros(clock + ".34"), 340000);
  EXPECT_EQ(ReadMicros(clock + ".346"), 346000);
  EXPECT_EQ(ReadMicros(clock + ".3469Z"), 346900);
  EXPECT_EQ(ReadMicros(clock + ".34694+01"), 346940);
  EXPECT_EQ(ReadMicros(clock + ".346941"), 346941);
  EXPECT_EQ(ReadMicros(clock + ".346941Z"), 346941);
  EXPECT_EQ(ReadMicros(clock + ".3469419"), 346941) << "digits beyond the sixth are cut";
  EXPECT_EQ(ReadMicros(clock + ".34694199999999999999999Z"), 346941);
}

}  // namespace
}  // namespace syncline::dataflow
