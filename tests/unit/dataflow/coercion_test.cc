#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/coercion/column_limit.h"

namespace syncline::dataflow {
namespace {

constexpr int64_t kHour = 3600 * kMicrosPerSecond;

std::string Outcome(Coercion coercion, const Value& value) {
  switch (coercion) {
    case Coercion::kUnreadable:
      return "unreadable";
    case Coercion::kOutOfRange:
      return "out of range";
    case Coercion::kNotFinite:
      return "not finite";
    case Coercion::kMalformed:
      return "malformed";
    case Coercion::kTooDeep:
      return "too deep";
    case Coercion::kFits:
    case Coercion::kNulledInside:
    case Coercion::kCleaned:
    case Coercion::kCut:
      break;
  }
  std::string text = coercion == Coercion::kCleaned ? "cleaned " : "";
  if (coercion == Coercion::kCut) text = "cut ";
  if (value.kind == Value::Kind::kText) return absl::StrCat(text, value.text());
  return absl::StrCat(
      text, value.scalar,
      value.zone_west_seconds == 0 ? "" : absl::StrCat("/", value.zone_west_seconds));
}

std::string Coerce(ColumnType type, absl::string_view token, JsonShape shape = JsonShape::kAny) {
  ScratchArena scratch;
  Value value;
  const Coercion coercion = GetCoercer(type, shape).from_json(token, &scratch, &value);
  return Outcome(coercion, value);
}

struct Case {
  std::string token;
  std::string expected;
};

void ExpectAll(ColumnType type, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(Coerce(type, c.token), c.expected) << c.token.substr(0, 100);
  }
}

TEST(IntegerCoercionTest, AcceptsExactIntegers) {
  ExpectAll(ColumnType::kBigint, {
                                     {"0", "0"},
                                     {"-0", "0"},
                                     {"42", "42"},
                                     {"-17", "-17"},
                                     {"999999999999999999", "999999999999999999"},
                                     {"9223372036854775807", "9223372036854775807"},
                                     {"-9223372036854775808", "-9223372036854775808"},
                                     {"9223372036854775808", "out of range"},
                                     {"-9223372036854775809", "out of range"},
                                     {"99999999999999999999999", "out of range"},
                                     {"42.0", "42"},
                                     {"42.000000000000000000000000000", "42"},
                                     {"1e3", "1000"},
                                     {"1E+3", "1000"},
                                     {"12.5e1", "125"},
                                     {"1250e-1", "125"},
                                     {"1255e-1", "unreadable"},
                                     {"9223372036854775807.0", "9223372036854775807"},
                                     {"0.9223372036854775807e19", "9223372036854775807"},
                                     {"1e18", "1000000000000000000"},
                                     {"1e19", "out of range"},
                                     {"1e999999999999999999999", "out of range"},
                                     {"0e999999999999999999999", "0"},
                                     {"0.000", "0"},
                                     {"1e-999999999999999999999", "unreadable"},
                                     {"1.5", "unreadable"},
                                     {"0.5", "unreadable"},
                                     {"9223372036854775807.5", "unreadable"},
                                     {"100000000000000000000.5", "out of range"},
                                     {R"("42")", "42"},
                                     {R"(" +42 ")", "42"},
                                     {R"("-42.0")", "-42"},
                                     {R"("0042")", "42"},
                                     {R"("\u0034\u0032")", "42"},
                                     {R"("9223372036854775808")", "out of range"},
                                     {R"("")", "unreadable"},
                                     {R"("abc")", "unreadable"},
                                     {R"("4 2")", "unreadable"},
                                     {R"("0x10")", "unreadable"},
                                     {R"("NaN")", "unreadable"},
                                     {R"("42\u0000")", "unreadable"},
                                     {"true", "unreadable"},
                                     {"{}", "unreadable"},
                                     {"[1]", "unreadable"},
                                     {"007", "malformed"},
                                     {"-", "malformed"},
                                     {"1.", "malformed"},
                                     {"+1", "malformed"},
                                     {"tru", "malformed"},
                                     {R"("\x")", "malformed"},
                                     {"{\"a\":}", "malformed"},
                                 });
}

TEST(NumberCoercionTest, KeepsEveryDigit) {
  ExpectAll(ColumnType::kNumeric, {
                                      {"0", "0"},
                                      {"12345678901234567890", "12345678901234567890"},
                                      {"50000.0000000000000001", "50000.0000000000000001"},
                                      {"-1.50", "-1.50"},
                                      {"1e5", "1e5"},
                                      {"1.5E-5", "1.5e-5"},
                                      {"1E+5", "1e5"},
                                      {"1e131071", "1e131071"},
                                      {"1e131072", "out of range"},
                                      {"-1e200000", "out of range"},
                                      {"0e200000", "0e200000"},
                                      {"0e9999999999", "0"},
                                      {"1e-16383", "1e-16383"},
                                      {"1e-16384", "cut 0"},
                                      {"5e-16384", "cut 1e-16383"},
                                      {"-5e-16384", "cut -1e-16383"},
                                      {"49e-16385", "cut 0"},
                                      {"10e-16384", "1e-16383"},
                                      {"129e-16384", "cut 13e-16383"},
                                      {"1999e-16384", "cut 200e-16383"},
                                      {"9999e-16384", "cut 1000e-16383"},
                                      {"1e-99999999999999999999", "cut 0"},
                                      {"0e-99999", "0"},
                                      {R"("12.50")", "12.50"},
                                      {R"("+12.50")", "12.50"},
                                      {R"(" .5 ")", "0.5"},
                                      {R"("5.")", "5"},
                                      {R"("-.5e3")", "-0.5e3"},
                                      {R"("000123.4500")", "123.4500"},
                                      {R"("NaN")", "unreadable"},
                                      {R"("Infinity")", "unreadable"},
                                      {R"("-inf")", "unreadable"},
                                      {R"("")", "unreadable"},
                                      {R"(".")", "unreadable"},
                                      {R"("e5")", "unreadable"},
                                      {R"("1e")", "unreadable"},
                                      {R"("1,5")", "unreadable"},
                                      {R"("1 000")", "unreadable"},
                                      {"false", "unreadable"},
                                      {"[]", "unreadable"},
                                      {"NaN", "not finite"},
                                      {"01", "malformed"},
                                      {".5", "malformed"},
                                      {"1e", "malformed"},
                                      {"--1", "malformed"},
                                  });
}

TEST(NumberCoercionTest, RoundsLongFractionsAndNullsLongIntegers) {
  const std::string nines(16384, '9');
  EXPECT_EQ(Coerce(ColumnType::kNumeric, "0." + nines),
            "cut 1" + std::string(16383, '0') + "e-16383");
  const std::string zeros(20000, '0');
  EXPECT_EQ(Coerce(ColumnType::kNumeric, "1." + zeros), "1" + std::string(16383, '0') + "e-16383");
  const std::string widest(131072, '9');
  EXPECT_EQ(Coerce(ColumnType::kNumeric, widest), widest);
  EXPECT_EQ(Coerce(ColumnType::kNumeric, widest + "9"), "out of range");
  EXPECT_EQ(Coerce(ColumnType::kNumeric, widest + "." + nines), "out of range");
  EXPECT_EQ(Coerce(ColumnType::kNumeric, "\"" + zeros + zeros + widest + "\""), widest);
}

TEST(BooleanCoercionTest, AcceptsOnlyTrueAndFalse) {
  ExpectAll(ColumnType::kBoolean, {
                                      {"true", "1"},
                                      {"false", "0"},
                                      {"1", "unreadable"},
                                      {R"("true")", "unreadable"},
                                      {"[]", "unreadable"},
                                      {"truely", "malformed"},
                                      {"True", "malformed"},
                                  });
}

TEST(TextCoercionTest, AcceptsEverything) {
  ExpectAll(
      ColumnType::kVarchar,
      {
          {R"("")", ""},
          {R"("plain")", "plain"},
          {R"("long enough for the vector path, twice")", "long enough for the vector path, twice"},
          {R"("a\"b\\c\/d\b\f\n\r\t")", "a\"b\\c/d\b\f\n\r\t"},
          {R"("\u00e9\u20ac\ud83d\ude00")", "é€😀"},
          {R"("behind sixteen ch\u0061rs")", "behind sixteen chars"},
          {R"("a\u0000b")", "cleaned ab"},
          {R"("\u0000")", "cleaned "},
          {R"("x\ud800y")", "cleaned x\xEF\xBF\xBDy"},
          {R"("\udc00\ud800\u0041")",
           "cleaned \xEF\xBF\xBD\xEF\xBF\xBD"
           "A"},
          {R"("\ud800\ud83d\ude00")", "cleaned \xEF\xBF\xBD😀"},
          {R"("\ufffd")", "\xEF\xBF\xBD"},
          {R"("NULL \\N")", "NULL \\N"},
          {"1.50", "1.50"},
          {"1E5", "1E5"},
          {"1e999", "1e999"},
          {"true", "true"},
          {R"({"a" : [1, 2 ,"x y"] , "b":{ }})", R"({"a":[1,2,"x y"],"b":{}})"},
          {"[ ]", "[]"},
          {R"(["a\u0000"])", "cleaned [\"a\"]"},
          {R"("\q")", "malformed"},
          {R"("\u12g4")", "malformed"},
          {R"("\u12")", "malformed"},
          {R"("abc\")", "malformed"},
          {"\"", "malformed"},
          {"nul", "malformed"},
          {"[1,]", "malformed"},
          {"{\"a\" 1}", "malformed"},
      });
}

TEST(JsonCoercionTest, KeepsTextExceptWhatJsonbCannotHold) {
  ExpectAll(ColumnType::kJsonb,
            {
                {R"({"a" : 1.50})", R"({"a" : 1.50})"},
                {R"("text")", R"("text")"},
                {"12345678901234567890123.5", "12345678901234567890123.5"},
                {R"({"a\u0000b":"\u0000"})", R"(cleaned {"ab":""})"},
                {R"(["\ud800", "\u0041"])", "cleaned [\"\xEF\xBF\xBD\", \"\\u0041\"]"},
                {"1e131071", "1e131071"},
                {"[1e131072]", "out of range"},
                {"1e-16383", "1e-16383"},
                {"[1e-16384]", "out of range"},
                {"0e1073741822", "0e1073741822"},
                {"0e1073741823", "out of range"},
                {"[0e-16384]", "out of range"},
                {"[1 2]", "malformed"},
                {"[1}", "malformed"},
                {"{1:2}", "malformed"},
                {"[\"\t\"]", "malformed"},
            });
}

TEST(JsonCoercionTest, LimitsDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Coerce(ColumnType::kJsonb, nested(512)), nested(512));
  EXPECT_EQ(Coerce(ColumnType::kJsonb, nested(513)), "out of range");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, nested(1024)), "out of range");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, nested(1025)), "too deep");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, nested(10000)), "too deep");
  EXPECT_EQ(Coerce(ColumnType::kBigint, nested(10000)), "too deep");
}

TEST(JsonCoercionTest, ObjectsAndArraysAcceptOnlyTheirKind) {
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "{}", JsonShape::kObject), "{}");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "[]", JsonShape::kObject), "unreadable");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "1", JsonShape::kObject), "unreadable");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "[1]", JsonShape::kArray), "[1]");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "\"[1]\"", JsonShape::kArray), "[1]");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "\"[1]\"", JsonShape::kObject), "unreadable");
  EXPECT_EQ(Coerce(ColumnType::kJsonb, "[1", JsonShape::kObject), "malformed");
}

TEST(DateCoercionTest, ReadsTheIsoFamily) {
  // Expected days were computed by PostgreSQL: select 'x'::date - '2000-01-01'.
  ExpectAll(ColumnType::kDate, {
                                   {R"("2000-01-01")", "0"},
                                   {R"("1999-12-31")", "-1"},
                                   {R"("2023-02-28")", "8459"},
                                   {R"("2023/02/28")", "8459"},
                                   {R"("2023.02.28")", "8459"},
                                   {R"("2023 02 28")", "8459"},
                                   {R"("20230228")", "8459"},
                                   {R"("2023-2-28")", "8459"},
                                   {R"("23-02-28")", "8459"},
                                   {R"("230228")", "8459"},
                                   {R"("69-12-31")", "25567"},
                                   {R"("70-01-01")", "-10957"},
                                   {R"(" 2023-02-28 ")", "8459"},
                                   {R"("2023-02-28T23:59:59.9999999Z")", "8459"},
                                   {R"("2023-02-28 23:59:59+05:30")", "8459"},
                                   {R"("2023-02-28T24:00:00")", "8459"},
                                   {R"("20230228T101112")", "8459"},
                                   {R"("2023\u002d02-28")", "8459"},
                                   {R"("2024-02-29")", "8825"},
                                   {R"("0987-01-01")", "-369990"},
                                   {R"("987-01-01")", "-369990"},
                                   {R"("5874897-12-31")", "2145031948"},
                                   {R"("58748971231")", "2145031948"},
                                   {R"("5874898-01-01")", "out of range"},
                                   {R"("99999999-01-01")", "out of range"},
                                   {R"("0000-01-01")", "out of range"},
                                   {R"("0001-01-01")", "-730119"},
                                   {R"("0001-12-31 BC")", "-730120"},
                                   {R"("0044-03-15 BC")", "-746117"},
                                   {R"("4714-11-24 BC")", "-2451545"},
                                   {R"("4714-11-23 BC")", "out of range"},
                                   {R"("9999-01-01 bc")", "out of range"},
                                   {R"("2023-02-28 AD")", "8459"},
                               });
}

TEST(DateCoercionTest, NullsOtherValues) {
  for (const char* text : {"",
                           "abc",
                           "2023-02-30",
                           "2023-13-01",
                           "2023-00-10",
                           "2023-01-00",
                           "2100-02-29",
                           "2023-02",
                           "2023",
                           "1-01-01",
                           "2023-02/28",
                           "2023-02-281",
                           "2023-02-28x",
                           "2023-02-28T",
                           "2023-02-28T25:00",
                           "2023-02-28T10:60",
                           "2023-02-28T10:00+16:00",
                           "2023-02-28T10:00 Europe/Paris",
                           "-0044-03-15",
                           "+2023-02-28",
                           "2023228",
                           "28.02.2023",
                           "Feb 28 2023",
                           "infinity",
                           "-infinity",
                           "now",
                           "today",
                           "epoch",
                           "2023-02-28 BCE",
                           "2023--02-28",
                           "2023-02-28\\u0000"}) {
    EXPECT_EQ(Coerce(ColumnType::kDate, absl::StrCat("\"", text, "\"")), "unreadable") << text;
  }
  EXPECT_EQ(Coerce(ColumnType::kDate, "20230228"), "unreadable");
  EXPECT_EQ(Coerce(ColumnType::kDate, "true"), "unreadable");
}

TEST(TimestampCoercionTest, WithTimeZoneIsUtc) {
  const auto at = [](int64_t hours, int64_t micros) {
    return absl::StrCat(hours * kHour + micros);
  };
  ExpectAll(ColumnType::kTimestamptz,
            {
                {R"("2000-01-01T01:00:00Z")", at(1, 0)},
                {R"("2000-01-01T01:00:00z")", at(1, 0)},
                {R"("2000-01-01 01:00:00")", at(1, 0)},
                {R"("2000-01-01T01:00")", at(1, 0)},
                {R"("2000-01-01t01:00:00 UTC")", at(1, 0)},
                {R"("2000-01-01")", "0"},
                {R"("20000101T010000Z")", at(1, 0)},
                {R"("2000/01/01 1:00:00")", at(1, 0)},
                {R"("2000-01-01T01:00:00+01")", "0"},
                {R"("2000-01-01T01:00:00+0100")", "0"},
                {R"("2000-01-01T01:00:00+01:00")", "0"},
                {R"("2000-01-01T01:00:00 +01:00")", "0"},
                {R"("2000-01-01T01:00:00-01:30:30")", at(2, 1830 * kMicrosPerSecond)},
                {R"("2000-01-01T00:00:00+15:59:59")", absl::StrCat(-57599 * kMicrosPerSecond)},
                {R"("2000-01-01T00:00:00.1")", at(0, 100000)},
                {R"("2000-01-01T00:00:00,123456")", at(0, 123456)},
                {R"("2000-01-01T23:59:59.999999999Z")", at(24, -1)},
                {R"("1999-12-31T23:59:59.9999999Z")", at(0, -1)},
                {R"("2000-01-01T24:00:00")", at(24, 0)},
                {R"("2000-01-01T23:59:60")", at(24, 0)},
                {R"("2000-01-01T23:58:60.5")", at(24, -60 * kMicrosPerSecond + 500000)},
                {R"("2000-01-01T23:59:60.5")", "unreadable"},
                {R"("2000-01-01T24:00:00.000001")", "unreadable"},
                {R"("2000-01-01T24:00:01")", "unreadable"},
                {R"("2000-01-01T00:00:61")", "unreadable"},
                {R"("2000-01-01T00:00:00+99:99")", "unreadable"},
                {R"("2000-01-01T00:00:00+")", "unreadable"},
                {R"("2000-01-01T00:00:00[Europe/Paris]")", "unreadable"},
                {R"("2000-02-30T00:00:00Z")", "unreadable"},
                {R"("infinity")", "unreadable"},
                {R"("")", "unreadable"},
                {"946684800", "unreadable"},
                {R"("294276-12-31T23:59:59.999999Z")", "9223371331199999999"},
                {R"("294277-01-01T00:00:00Z")", "out of range"},
                {R"("294277-01-01T05:00:00+06")", "9223371327600000000"},
                {R"("5874897-01-01T00:00:00Z")", "out of range"},
                {R"("9999999-01-01T00:00:00Z")", "out of range"},
                {R"("0000-01-01T00:00:00Z")", "out of range"},
                {R"("4714-11-24 00:00:00 BC")", "-211813488000000000"},
                {R"("4714-11-24 00:00:00+01 BC")", "out of range"},
                {R"("4714-11-24 BC")", "-211813488000000000"},
                {R"("4714-11-23 23:59:59 BC")", "out of range"},
            });
}

TEST(TimestampCoercionTest, WithoutTimeZoneKeepsLocalDigits) {
  ExpectAll(ColumnType::kTimestamp,
            {
                {R"("2000-01-01T01:00:00+05:00")", absl::StrCat(kHour)},
                {R"("2000-01-01T01:00:00Z")", absl::StrCat(kHour)},
                {R"("2000-01-01T01:00:00.0000019")", absl::StrCat(kHour + 1)},
                {R"("2000-01-01")", "0"},
                {R"("294277-01-01T05:00:00+06")", "out of range"},
                {R"("2000-01-01T01:00:00+16:00")", "unreadable"},
            });
}

TEST(TimeCoercionTest, WithAndWithoutZone) {
  ExpectAll(ColumnType::kTime, {
                                   {R"("01:00:00")", absl::StrCat(kHour)},
                                   {R"("1:00")", absl::StrCat(kHour)},
                                   {R"("010000")", absl::StrCat(kHour)},
                                   {R"("01:00:00+05")", absl::StrCat(kHour)},
                                   {R"("23:59:59.999999999")", absl::StrCat(24 * kHour - 1)},
                                   {R"("24:00:00")", absl::StrCat(24 * kHour)},
                                   {R"("23:59:60")", absl::StrCat(24 * kHour)},
                                   {R"("24:00:01")", "unreadable"},
                                   {R"("12:60")", "unreadable"},
                                   {R"("12")", "unreadable"},
                                   {R"("noon")", "unreadable"},
                                   {R"("12:00 PM")", "unreadable"},
                                   {R"("2000-01-01T01:00:00")", "unreadable"},
                                   {"1", "unreadable"},
                               });
  ExpectAll(ColumnType::kTimetz,
            {
                {R"("01:00:00Z")", absl::StrCat(kHour)},
                {R"("01:00:00")", absl::StrCat(kHour)},
                {R"("01:00:00+05:30")", absl::StrCat(kHour, "/-19800")},
                {R"("01:00:00-0530")", absl::StrCat(kHour, "/19800")},
                {R"("24:00:00+15:59:59")", absl::StrCat(24 * kHour, "/-57599")},
                {R"("01:00:00+16")", "unreadable"},
                {R"("")", "unreadable"},
            });
}

TEST(CoercionFromTextTest, StringsOfTypedRows) {
  ScratchArena scratch;
  Value value;
  const auto from_text = [&](ColumnType type, absl::string_view text) {
    return Outcome(GetCoercer(type, JsonShape::kAny).from_text(text, &scratch, &value), value);
  };
  EXPECT_EQ(from_text(ColumnType::kVarchar, "a\\u0041"), "a\\u0041");
  EXPECT_EQ(from_text(ColumnType::kVarchar, absl::string_view("a\0b", 3)), "cleaned ab");
  EXPECT_EQ(from_text(ColumnType::kJsonb, "a\"b\\\n"), R"("a\"b\\\u000a")");
  EXPECT_EQ(from_text(ColumnType::kJsonb, absl::string_view("\0", 1)), "cleaned \"\"");
  EXPECT_EQ(from_text(ColumnType::kBigint, "7"), "7");
  EXPECT_EQ(from_text(ColumnType::kBoolean, "true"), "unreadable");
}

TEST(ScratchArenaTest, KeepsAllocationsInPlace) {
  ScratchArena scratch;
  for (int round = 0; round < 3; ++round) {
    std::vector<char*> pieces;
    for (size_t i = 1; i < 200; ++i) {
      pieces.push_back(scratch.Allocate(i * 100));
      std::fill_n(pieces.back(), i * 100, static_cast<char>(i));
    }
    for (size_t i = 1; i < 200; ++i) {
      EXPECT_EQ(pieces[i - 1][0], static_cast<char>(i));
      EXPECT_EQ(pieces[i - 1][i * 100 - 1], static_cast<char>(i));
    }
    scratch.Reset();
  }
}

// Returns the stored form of a value in a column of the user's type.
std::string Limited(ColumnType type, const std::string& table_type, absl::string_view token) {
  ColumnSchema column;
  column.type = type;
  column.table_type = table_type;
  ScratchArena scratch;
  Value value;
  const Coercion coercion = GetCoercer(type, JsonShape::kAny).from_json(token, &scratch, &value);
  if (coercion != Coercion::kFits) return Outcome(coercion, value);
  const Coercion limited = ApplyLimit(GetColumnLimit(column), &scratch, &value);
  return Outcome(limited, value);
}

TEST(ColumnLimitTest, NumbersAreRoundedToTheScale) {
  const auto cut = [](const std::string& type, absl::string_view token) {
    return Limited(ColumnType::kNumeric, type, token);
  };
  EXPECT_EQ(cut("numeric(10,2)", "1.23"), "1.23");
  EXPECT_EQ(cut("numeric(10,2)", "1.5000"), "1.5000") << "nothing is lost";
  EXPECT_EQ(cut("numeric(10,2)", "1.235"), "cut 123e-2") << "half a unit is not rounded up";
  EXPECT_EQ(cut("numeric(10,2)", "-9.999"), "cut -999e-2");
  EXPECT_EQ(cut("numeric(10,2)", "0.0001"), "cut 0");
  EXPECT_EQ(cut("numeric(10,2)", "-1e-300"), "cut 0");
  EXPECT_EQ(cut("numeric(10,2)", "1.2345e2"), "1.2345e2") << "123.45 fits";
  EXPECT_EQ(cut("numeric(5,0)", "12.5"), "cut 12");
  EXPECT_EQ(cut("numeric(3,-2)", "1250"), "cut 12e2");
  EXPECT_EQ(cut("numeric(3,-2)", "1200"), "1200");
  EXPECT_EQ(cut("numeric(3,-2)", "1e5"), "1e5");
  EXPECT_EQ(cut("numeric(3,-2)", "99"), "cut 0");
  EXPECT_EQ(cut("numeric(2,4)", "0.00125"), "cut 12e-4");
  EXPECT_EQ(cut("numeric(10,2)", "0"), "0");
  EXPECT_EQ(cut("numeric(10,2)", "NaN"), "not finite");
  EXPECT_EQ(cut("numeric(10,2)", R"("Infinity")"), "unreadable");
  EXPECT_EQ(cut("numeric", "1.23456789"), "1.23456789");
  EXPECT_EQ(cut("", "1.23456789"), "1.23456789");
}

TEST(ColumnLimitTest, TimesAreCutToThePrecision) {
  EXPECT_EQ(Limited(ColumnType::kTime, "time(0) without time zone", R"("00:00:01.999999")"),
            "cut 1000000");
  EXPECT_EQ(Limited(ColumnType::kTime, "time(3) without time zone", R"("00:00:01.25")"), "1250000");
  EXPECT_EQ(Limited(ColumnType::kTime, "time(3) without time zone", R"("23:59:59.9999")"),
            "cut 86399999000");
  EXPECT_EQ(Limited(ColumnType::kTimetz, "time(1) with time zone", R"("00:00:00.19+01:00")"),
            "cut 100000/-3600");
  EXPECT_EQ(Limited(ColumnType::kTimestamp, "timestamp(0) without time zone",
                    R"("1999-12-31T23:59:59.5")"),
            "cut -1000000")
      << "before the epoch, also to the earlier one";
  EXPECT_EQ(Limited(ColumnType::kTimestamptz, "timestamp(6) with time zone",
                    R"("2000-01-01T00:00:00.123456Z")"),
            "123456");
}

TEST(ColumnLimitTest, TextsLoseTrailingSpacesBeyondTheirLength) {
  EXPECT_EQ(Limited(ColumnType::kVarchar, "character varying(3)", R"("abc  ")"), "cut abc");
  EXPECT_EQ(Limited(ColumnType::kVarchar, "character(3)", R"("a    ")"), "cut a  ");
  EXPECT_EQ(Limited(ColumnType::kVarchar, "character varying(3)", R"("äöü")"), "äöü");
  EXPECT_EQ(Limited(ColumnType::kVarchar, "character varying(3)", R"("äöü ")"), "cut äöü");
  EXPECT_EQ(Limited(ColumnType::kVarchar, "character varying(3)", R"("abcd")"), "abcd")
      << "PostgreSQL rejects the row";
  EXPECT_EQ(Limited(ColumnType::kVarchar, "text", R"("abc  ")"), "abc  ");
}

}  // namespace
}  // namespace syncline::dataflow
