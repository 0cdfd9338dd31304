// Compares our COPY bytes with those that PostgreSQL produced (tests/golden/make_copy_golden.sh).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "base/hex.h"
#include "server/model/column_type.h"
#include "server/model/raw_id.h"
#include "server/model/value.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::postgres {
namespace {

// Maps an SQL expression to the bytes of the whole COPY.
using Golden = std::map<std::string, std::string>;

Golden ReadGolden(const std::string& name) {
  Golden golden;
  std::ifstream in(std::string(SYNCLINE_SOURCE_DIR) + "/tests/golden/copy/" + name + ".txt");
  EXPECT_TRUE(in.good()) << name;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const size_t tab = line.find('\t');
    golden[line.substr(0, tab)] = HexToBytes(line.substr(tab + 1));
  }
  return golden;
}

std::string CopyOf(ColumnType type, const Value& value) {
  ByteBuffer out;
  AppendCopyHeader(&out);
  out.AppendInt16(1);
  FieldEncoderFor(type)(value, &out);
  AppendCopyTrailer(&out);
  return std::string(out.view());
}

// Compares each value and requires that every line of the file is used.
void ExpectGolden(const std::string& name, ColumnType type,
                  const std::map<std::string, Value>& values) {
  Golden golden = ReadGolden(name);
  ASSERT_FALSE(golden.empty());
  for (const auto& [expression, value] : values) {
    ASSERT_EQ(golden.count(expression), 1u) << expression;
    EXPECT_EQ(absl::BytesToHexString(CopyOf(type, value)),
              absl::BytesToHexString(golden[expression]))
        << expression;
    golden.erase(expression);
  }
  for (const auto& [expression, bytes] : golden) ADD_FAILURE() << "not tested: " << expression;
}

// For types whose value is the text of the literal.
void ExpectGoldenText(const std::string& name, ColumnType type) {
  const Golden golden = ReadGolden(name);
  std::map<std::string, Value> values;
  for (const auto& [expression, bytes] : golden) {
    values[expression] =
        expression == "NULL"
            ? Value::Null()
            : Value::Text(absl::string_view(expression).substr(1, expression.size() - 2));
  }
  EXPECT_GT(values.size(), 5u);
  ExpectGolden(name, type, values);
}

constexpr int64_t kHour = int64_t{3600} * kMicrosPerSecond;
constexpr int64_t kMinute = int64_t{60} * kMicrosPerSecond;
constexpr int64_t kNoonish = 12 * kHour + 34 * kMinute + 56 * kMicrosPerSecond + 789012;
constexpr int64_t kLeapDay2024 = 8825;  // days from 2000-01-01 to 2024-02-29

TEST(CopyGoldenTest, Boolean) {
  ExpectGolden("boolean", ColumnType::kBoolean,
               {{"NULL", Value::Null()}, {"true", Value::Scalar(1)}, {"false", Value::Scalar(0)}});
}

TEST(CopyGoldenTest, Bigint) {
  ExpectGolden("bigint", ColumnType::kBigint,
               {{"NULL", Value::Null()},
                {"'0'", Value::Scalar(0)},
                {"'1'", Value::Scalar(1)},
                {"'-1'", Value::Scalar(-1)},
                {"'256'", Value::Scalar(256)},
                {"'1234567890123'", Value::Scalar(1234567890123)},
                {"'9223372036854775807'", Value::Scalar(INT64_MAX)},
                {"'-9223372036854775808'", Value::Scalar(INT64_MIN)}});
}

TEST(CopyGoldenTest, Varchar) {
  const std::string repeated(300, 'x');
  ExpectGolden(
      "varchar", ColumnType::kVarchar,
      {{"NULL", Value::Null()},
       {"''", Value::Text("")},
       {"'a'", Value::Text("a")},
       {"'O''Brien'", Value::Text("O'Brien")},
       {"E'tab\\tline\\nreturn\\rbackslash\\\\.'", Value::Text("tab\tline\nreturn\rbackslash\\.")},
       {"'\\N'", Value::Text("\\N")},
       {"E'gr\\u00fc\\u00df \\U0001F600'", Value::Text("gr\u00fc\u00df \U0001F600")},
       {"repeat('x',300)", Value::Text(repeated)}});
}

TEST(CopyGoldenTest, Numeric) { ExpectGoldenText("numeric", ColumnType::kNumeric); }

TEST(CopyGoldenTest, Jsonb) { ExpectGoldenText("jsonb", ColumnType::kJsonb); }

TEST(CopyGoldenTest, Date) {
  ExpectGolden("date", ColumnType::kDate,
               {{"NULL", Value::Null()},
                {"'2000-01-01'", Value::Scalar(0)},
                {"'1999-12-31'", Value::Scalar(-1)},
                {"'1970-01-01'", Value::Scalar(-kPostgresEpochDays)},
                {"'2024-02-29'", Value::Scalar(kLeapDay2024)},
                {"'0001-01-01'", Value::Scalar(-730119)},
                {"'9999-12-31'", Value::Scalar(2921939)},
                {"'4713-01-01 BC'", Value::Scalar(-2451507)},
                {"'5874897-12-31'", Value::Scalar(2145031948)}});
}

TEST(CopyGoldenTest, Timestamp) {
  ExpectGolden(
      "timestamp", ColumnType::kTimestamp,
      {{"NULL", Value::Null()},
       {"'2000-01-01 00:00:00'", Value::Scalar(0)},
       {"'1999-12-31 23:59:59.999999'", Value::Scalar(-1)},
       {"'1970-01-01 00:00:00'", Value::Scalar(-kPostgresEpochDays * kMicrosPerDay)},
       {"'2024-02-29 12:34:56.789012'", Value::Scalar(kLeapDay2024 * kMicrosPerDay + kNoonish)},
       {"'4713-01-01 00:00:00 BC'", Value::Scalar(-2451507 * kMicrosPerDay)},
       {"'294276-12-31 23:59:59.999999'", Value::Scalar(9223371331199999999)}});
}

TEST(CopyGoldenTest, Timestamptz) {
  ExpectGolden(
      "timestamptz", ColumnType::kTimestamptz,
      {{"NULL", Value::Null()},
       {"'2000-01-01 00:00:00+00'", Value::Scalar(0)},
       {"'2000-01-01 00:00:00+02'", Value::Scalar(-2 * kHour)},
       {"'1970-01-01 00:00:00-00:30'",
        Value::Scalar(-kPostgresEpochDays * kMicrosPerDay + 30 * kMinute)},
       {"'2024-02-29 12:34:56.789012+00'", Value::Scalar(kLeapDay2024 * kMicrosPerDay + kNoonish)},
       {"'294276-12-31 23:59:59.999999+00'", Value::Scalar(9223371331199999999)}});
}

TEST(CopyGoldenTest, Time) {
  ExpectGolden("time", ColumnType::kTime,
               {{"NULL", Value::Null()},
                {"'00:00:00'", Value::Scalar(0)},
                {"'00:00:00.000001'", Value::Scalar(1)},
                {"'12:34:56.789012'", Value::Scalar(kNoonish)},
                {"'23:59:59.999999'", Value::Scalar(kMicrosPerDay - 1)},
                {"'24:00:00'", Value::Scalar(kMicrosPerDay)}});
}

TEST(CopyGoldenTest, Timetz) {
  constexpr int32_t kMaxZone = 15 * 3600 + 59 * 60 + 59;
  ExpectGolden("timetz", ColumnType::kTimetz,
               {{"NULL", Value::Null()},
                {"'00:00:00+00'", Value::TimeWithZone(0, 0)},
                {"'12:34:56.789012+02'", Value::TimeWithZone(kNoonish, -7200)},
                {"'23:59:59.999999-03:30'", Value::TimeWithZone(kMicrosPerDay - 1, 12600)},
                {"'24:00:00+15:59:59'", Value::TimeWithZone(kMicrosPerDay, -kMaxZone)},
                {"'00:00:00-15:59:59'", Value::TimeWithZone(0, kMaxZone)}});
}

TEST(CopyGoldenTest, WholeRow) {
  const RowEncoder encoder({ColumnType::kVarchar, ColumnType::kNumeric},
                           RawIdGenerator("nightly", {"public", "users"}, "w1"), 7);
  ByteBuffer out;
  AppendCopyHeader(&out);
  encoder.AppendRow({.offset = 7,
                     .extracted_at_us = kLeapDay2024 * kMicrosPerDay + kNoonish,
                     .meta_json = R"({"changes": [], "sync_id": 1})"},
                    {Value::Text("a"), Value::Null()}, &out);
  AppendCopyTrailer(&out);
  EXPECT_EQ(absl::BytesToHexString(out.view()), absl::BytesToHexString(ReadGolden("row")["row"]));
}

TEST(CopyGoldenTest, RowWithoutMeta) {
  const RowEncoder encoder({ColumnType::kVarchar, ColumnType::kNumeric},
                           RawIdGenerator("nightly", {"public", "users"}, "w1"), 7);
  const RecordMeta meta = {.offset = 7,
                           .extracted_at_us = kLeapDay2024 * kMicrosPerDay + kNoonish,
                           .meta_json = R"({"changes": [], "sync_id": 1})"};
  ByteBuffer out;
  AppendCopyHeader(&out);
  encoder.AppendRowWithoutMeta(meta, {Value::Text("a"), Value::Null()}, &out);
  AppendCopyTrailer(&out);
  EXPECT_EQ(absl::BytesToHexString(out.view()),
            absl::BytesToHexString(ReadGolden("row_without_meta")["row"]));
}

// Tables without all meta columns, in both formats.
TEST(CopyGoldenTest, RowsOfOtherMeta) {
  TableSchema schema;
  schema.columns.push_back({"a", "a", ColumnType::kBoolean});
  const RecordMeta meta = {.offset = 7, .extracted_at_us = 0, .meta_json = "{}"};
  const RawIdGenerator raw_ids("s", {"", "t"}, "w");
  const auto encode = [&] {
    ByteBuffer out;
    RowEncoder(schema, raw_ids, /*generation_id=*/7).AppendRow(meta, {Value::Scalar(1)}, &out);
    return absl::BytesToHexString(out.view());
  };
  schema.meta = TableMeta::kCompact;
  EXPECT_EQ(encode(),
            "0002"
            "000000080000000000000007"
            "0000000101");
  schema.meta = TableMeta::kNone;
  EXPECT_EQ(encode(),
            "0001"
            "0000000101");
  schema.columns[0].type = ColumnType::kVarchar;
  schema.columns[0].table_type = "inet";
  const auto encode_text = [&] {
    ByteBuffer out;
    RowEncoder(schema, raw_ids, /*generation_id=*/7).AppendRow(meta, {Value::Text("::1")}, &out);
    return absl::BytesToHexString(out.view());
  };
  EXPECT_EQ(encode_text(),
            "0001"
            "000000033a3a31");
  schema.meta = TableMeta::kCompact;
  EXPECT_EQ(encode_text(),
            "0002"
            "0000000137"
            "000000033a3a31");
}

// The field of meta at its position makes a row whole.
TEST(CopyGoldenTest, MetaFieldIsWhereItIsMissing) {
  const RowEncoder encoder({ColumnType::kVarchar}, RawIdGenerator("s", {"", "t"}, "w"), 1);
  const RecordMeta meta = {.offset = 1, .extracted_at_us = 2, .meta_json = "{}"};
  ByteBuffer whole;
  encoder.AppendRow(meta, {Value::Text("a")}, &whole);
  ByteBuffer without;
  encoder.AppendRowWithoutMeta(meta, {Value::Text("a")}, &without);
  ByteBuffer built;
  built.AppendInt16(5);
  built.Append(without.view().substr(2, kMetaFieldPosition - 2));
  AppendMetaField("{}", &built);
  built.Append(without.view().substr(kMetaFieldPosition));
  EXPECT_EQ(absl::BytesToHexString(built.view()), absl::BytesToHexString(whole.view()));
}

// The short and the general encoding must agree where both are possible. "<text>e0" uses the
// general one.
TEST(NumericEncoderTest, ShortAndGeneralFormsAgree) {
  for (int64_t number = 0; number < 200000; number += 37) {
    for (const int places : {0, 1, 2, 3, 4, 5, 7, 8, 11}) {
      std::string text = std::to_string(number);
      if (places > 0) {
        while (text.size() <= static_cast<size_t>(places)) text.insert(0, "0");
        text.insert(text.size() - static_cast<size_t>(places), ".");
      }
      if (number % 2 == 1) text.insert(0, "-");
      const std::string general = text + "e0";
      ASSERT_EQ(CopyOf(ColumnType::kNumeric, Value::Text(text)),
                CopyOf(ColumnType::kNumeric, Value::Text(general)))
          << text;
    }
  }
}

TEST(NumericEncoderTest, WritesTheLongestNumberCompletely) {
  const std::string text = absl::StrCat(std::string(131072, '9'), ".", std::string(16383, '9'));
  const std::string bytes = CopyOf(ColumnType::kNumeric, Value::Text(text));
  // 131072/4 and 16383/4 rounded up; the last group is 9990.
  constexpr size_t kGroups = 32768 + 4096;
  ASSERT_EQ(bytes.size(), 19u + 2 + 4 + 8 + 2 * kGroups + 2);
  const absl::string_view field = absl::string_view(bytes).substr(21);
  EXPECT_EQ(absl::BytesToHexString(field.substr(0, 14)),
            "000120089000"
            "7fff"
            "0000"
            "3fff"
            "270f");
  EXPECT_EQ(absl::BytesToHexString(field.substr(field.size() - 6, 4)), "270f2706");
}

}  // namespace
}  // namespace syncline::postgres
