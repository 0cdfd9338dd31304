// Sends random values as our COPY bytes to a real PostgreSQL and compares them there with its
// reading of their text.
//
// Uses libpq directly, so that a failure here is in the encoders and not in the connection. The
// seed is printed; set SYNCLINE_TEST_SEED to repeat a run.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "base/byte_buffer.h"
#include "server/model/column_type.h"
#include "server/model/raw_id.h"
#include "server/model/value.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/copy/text_fields.h"

namespace syncline::postgres {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A value of one column and the text that PostgreSQL reads as the same value.
struct Sample {
  std::string literal;
  Value value;  // text is taken from `literal`
  bool null = false;
};

class CopyEncoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* dsn = std::getenv("SYNCLINE_TEST_DSN");
    if (dsn == nullptr) {
      const char* ci = std::getenv("CI");
      ASSERT_FALSE(ci != nullptr && absl::string_view(ci) == "true")
          << "SYNCLINE_TEST_DSN is not set";
      GTEST_SKIP() << "NOT TESTED: SYNCLINE_TEST_DSN is not set";
    }
    connection_.reset(PQconnectdb(dsn));
    ASSERT_EQ(PQstatus(connection_.get()), CONNECTION_OK) << PQerrorMessage(connection_.get());
    uint32_t seed = std::random_device{}();
    if (const char* given = std::getenv("SYNCLINE_TEST_SEED"); given != nullptr) {
      ASSERT_TRUE(absl::SimpleAtoi(given, &seed));
    }
    RecordProperty("seed", std::to_string(seed));
    std::cout << "SYNCLINE_TEST_SEED=" << seed << std::endl;
    random_.seed(seed);
  }

  int64_t Random(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random_);
  }

  Result Run(const std::string& sql) { return {PQexec(connection_.get(), sql.c_str()), PQclear}; }

  std::string Single(const std::string& sql) {
    const Result result = Run(sql);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) {
      ADD_FAILURE() << sql << ": " << PQerrorMessage(connection_.get());
      return "";
    }
    return PQgetvalue(result.get(), 0, 0);
  }

  void CopyIn(const ByteBuffer& bytes, const std::string& options = "(FORMAT binary)") {
    const Result started = Run("COPY sample FROM STDIN " + options);
    ASSERT_EQ(PQresultStatus(started.get()), PGRES_COPY_IN) << PQerrorMessage(connection_.get());
    ASSERT_EQ(PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())), 1);
    ASSERT_EQ(PQputCopyEnd(connection_.get(), nullptr), 1);
    const Result done(PQgetResult(connection_.get()), PQclear);
    ASSERT_EQ(PQresultStatus(done.get()), PGRES_COMMAND_OK) << PQerrorMessage(connection_.get());
    ASSERT_EQ(PQgetResult(connection_.get()), nullptr);
  }

  // Loads the samples next to their literals and lets PostgreSQL compare them: as text, and by the
  // bytes that the type's send function returns, which show what is stored.
  void ExpectSame(ColumnType type, absl::string_view send_function,
                  const std::vector<Sample>& samples) {
    ExpectSame(type, send_function, samples, CopyFormat::kBinary);
    ExpectSame(type, send_function, samples, CopyFormat::kText);
  }

  void ExpectSame(ColumnType type, absl::string_view send_function,
                  const std::vector<Sample>& samples, CopyFormat format) {
    const std::string name(PostgresTypeName(type));
    const Result dropped = Run("SET client_min_messages = warning; DROP TABLE IF EXISTS sample");
    const Result created = Run(absl::StrCat(
        "CREATE TEMP TABLE sample (raw_id varchar, extracted_at timestamptz, meta jsonb, "
        "generation_id bigint, literal varchar, value ",
        name, ")"));
    ASSERT_EQ(PQresultStatus(created.get()), PGRES_COMMAND_OK) << PQerrorMessage(connection_.get());
    TableSchema schema;
    schema.columns = {{"literal", "literal", ColumnType::kVarchar}, {"value", "value", type}};
    // A type whose binary format is not known to the encoders.
    if (format == CopyFormat::kText) schema.columns[0].table_type = "a.domain";
    ASSERT_EQ(CopyFormatFor(schema), format);
    const RowEncoder encoder(schema, RawIdGenerator("sync", {"public", "sample"}, "writer"), 3);
    ByteBuffer out;
    AppendCopyHeader(&out);
    for (size_t i = 0; i < samples.size(); ++i) {
      const Sample& sample = samples[i];
      Value value = sample.value;
      if (value.kind == Value::Kind::kText) value = Value::Text(sample.literal);
      if (sample.null) value = Value::Null();
      const Value literal = sample.null ? Value::Null() : Value::Text(sample.literal);
      encoder.AppendRow({.offset = static_cast<int64_t>(i),
                         .extracted_at_us = static_cast<int64_t>(i) * kMicrosPerSecond,
                         .meta_json = R"({"sync_id": 5, "changes": []})"},
                        {literal, value}, &out);
    }
    if (format == CopyFormat::kBinary) {
      AppendCopyTrailer(&out);
      ASSERT_NO_FATAL_FAILURE(CopyIn(out));
    } else {
      ByteBuffer lines;
      AppendTextLines(out.view().substr(kCopyHeaderBytes), &lines);
      ASSERT_NO_FATAL_FAILURE(CopyIn(lines, ""));
    }

    EXPECT_EQ(Single("SELECT count(DISTINCT raw_id::uuid) FROM sample WHERE generation_id = 3 "
                     "AND meta->>'sync_id' = '5'"),
              std::to_string(samples.size()));
    EXPECT_EQ(Single("SELECT extract(epoch FROM max(extracted_at) - '2000-01-01 00:00+00')::bigint "
                     "FROM sample"),
              std::to_string(samples.size() - 1));
    const std::string differs = absl::StrFormat(
        "(value::text IS DISTINCT FROM literal::%1$s::text OR %2$s(value) IS DISTINCT FROM "
        "%2$s(literal::%1$s))",
        name, send_function);
    EXPECT_EQ(Single("SELECT coalesce(string_agg(left(literal, 200), ' | '), '') FROM (SELECT "
                     "literal FROM sample WHERE " +
                     differs + " LIMIT 5) AS wrong"),
              "");
  }

  std::string RandomDigits(int64_t count) {
    std::string digits;
    // Runs of zeros, because an error in grouping digits by four loses zeros.
    while (static_cast<int64_t>(digits.size()) < count) {
      const int64_t run =
          std::min<int64_t>(Random(1, 9), count - static_cast<int64_t>(digits.size()));
      const bool zeros = Random(0, 2) == 0;
      for (int64_t i = 0; i < run; ++i)
        digits += zeros ? '0' : static_cast<char>('0' + Random(0, 9));
    }
    return digits;
  }

  std::string RandomNumeric() {
    std::string text = Random(0, 1) == 0 ? "-" : "";
    const bool is_long = Random(0, 50) == 0;
    text += RandomDigits(Random(1, is_long ? 3000 : 24));
    if (Random(0, 3) != 0)
      absl::StrAppend(&text, ".", RandomDigits(Random(1, is_long ? 3000 : 24)));
    if (Random(0, 2) == 0) {
      const int64_t most = is_long ? 12000 : 40;
      const int64_t exponent = Random(-most, most);
      absl::StrAppend(&text, Random(0, 1) == 0 ? "e" : "E",
                      exponent >= 0 && Random(0, 1) == 0 ? "+" : "", exponent);
    }
    return text;
  }

  // "12:34:56.000007"
  static std::string ClockText(int64_t micros) {
    const int64_t seconds = micros / kMicrosPerSecond;
    return absl::StrFormat("%02d:%02d:%02d.%06d", seconds / 3600, seconds / 60 % 60, seconds % 60,
                           micros % kMicrosPerSecond);
  }

  // A day of the years 1 to 99999 in absl's calendar.
  std::pair<std::string, int64_t> RandomDay() {
    const absl::CivilDay epoch(2000, 1, 1);
    const absl::CivilDay least(1, 1, 1);
    const absl::CivilDay most(Random(0, 1) == 0 ? 99999 : 2100, 12, 31);
    const int64_t days = Random(least - epoch, most - epoch);
    const absl::CivilDay day = epoch + days;
    return {absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day()), days};
  }

  std::mt19937 random_;

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
};

TEST_F(CopyEncoderTest, Numeric) {
  std::vector<Sample> samples;
  samples.push_back({"", Value::Null(), true});
  for (int i = 0; i < 20000; ++i) samples.push_back({RandomNumeric(), Value::Text("")});
  samples.push_back(
      {absl::StrCat(RandomDigits(131071), "9.", RandomDigits(16382), "9"), Value::Text("")});
  samples.push_back(
      {absl::StrCat(std::string(131072, '9'), ".", std::string(16383, '9')), Value::Text("")});
  samples.push_back({absl::StrCat("-0.", std::string(16382, '0'), "1"), Value::Text("")});
  samples.push_back({absl::StrCat("1", std::string(131071, '0')), Value::Text("")});
  samples.push_back({absl::StrCat(std::string(200000, '0'), "1.5"), Value::Text("")});
  ExpectSame(ColumnType::kNumeric, "numeric_send", samples);
}

TEST_F(CopyEncoderTest, Bigint) {
  std::vector<Sample> samples = {{"", Value::Null(), true}};
  for (int i = 0; i < 2000; ++i) {
    const int64_t number = Random(INT64_MIN, INT64_MAX) >> Random(0, 62);
    samples.push_back({absl::StrCat(number), Value::Scalar(number)});
  }
  ExpectSame(ColumnType::kBigint, "int8send", samples);
}

TEST_F(CopyEncoderTest, Boolean) {
  ExpectSame(ColumnType::kBoolean, "boolsend",
             {{"", Value::Null(), true}, {"true", Value::Scalar(1)}, {"false", Value::Scalar(0)}});
}

TEST_F(CopyEncoderTest, Date) {
  std::vector<Sample> samples = {{"", Value::Null(), true}};
  for (int i = 0; i < 3000; ++i) {
    const auto [text, days] = RandomDay();
    samples.push_back({text, Value::Scalar(days)});
  }
  ExpectSame(ColumnType::kDate, "date_send", samples);
}

TEST_F(CopyEncoderTest, Timestamps) {
  std::vector<Sample> local = {{"", Value::Null(), true}};
  std::vector<Sample> zoned = {{"", Value::Null(), true}};
  for (int i = 0; i < 3000; ++i) {
    const auto [text, days] = RandomDay();
    const int64_t clock = Random(0, kMicrosPerDay - 1);
    const Value value = Value::Scalar(days * kMicrosPerDay + clock);
    local.push_back({absl::StrCat(text, " ", ClockText(clock)), value});
    zoned.push_back({absl::StrCat(text, " ", ClockText(clock), "+00"), value});
  }
  ExpectSame(ColumnType::kTimestamp, "timestamp_send", local);
  ExpectSame(ColumnType::kTimestamptz, "timestamptz_send", zoned);
}

TEST_F(CopyEncoderTest, Times) {
  std::vector<Sample> local = {{"", Value::Null(), true}};
  std::vector<Sample> zoned = {{"", Value::Null(), true}};
  for (int i = 0; i < 3000; ++i) {
    const int64_t clock = i == 0 ? kMicrosPerDay : Random(0, kMicrosPerDay);
    const auto minutes_east = Random(-15 * 60 - 59, 15 * 60 + 59);
    const std::string zone =
        absl::StrFormat("%c%02d:%02d", minutes_east < 0 ? '-' : '+', std::abs(minutes_east) / 60,
                        std::abs(minutes_east) % 60);
    local.push_back({ClockText(clock), Value::Scalar(clock)});
    zoned.push_back({absl::StrCat(ClockText(clock), zone),
                     Value::TimeWithZone(clock, static_cast<int32_t>(-60 * minutes_east))});
  }
  ExpectSame(ColumnType::kTime, "time_send", local);
  ExpectSame(ColumnType::kTimetz, "timetz_send", zoned);
}

TEST_F(CopyEncoderTest, TextAndJson) {
  static constexpr const char* kPieces[] = {
      "a", "Z",      "\t",   "\n",   "\r", "\\", "\\N",    "\\.", "\"", "'",
      "{", "\u00fc", "\x7f", "\x01", " ",  ",",  "\u4e16", "$$",  "%s", "\U0001F600"};
  std::vector<Sample> text = {{"", Value::Null(), true}, {"", Value::Text("")}};
  std::vector<Sample> json = {{"", Value::Null(), true}, {"{}", Value::Text("")}};
  for (int i = 0; i < 2000; ++i) {
    std::string plain;
    const int64_t pieces = Random(0, i == 7 ? 100000 : 40);
    for (int64_t k = 0; k < pieces; ++k) plain += kPieces[Random(0, std::size(kPieces) - 1)];
    text.push_back({plain, Value::Text("")});
    json.push_back(
        {absl::StrCat("{ \"b\":[", RandomDigits(3).insert(0, 1, '1'), ".50, null,true],\"a\" :\"",
                      Random(0, 1) == 0 ? "x\\n\\u00e9" : "\u4e16", "\"}"),
         Value::Text("")});
  }
  ExpectSame(ColumnType::kVarchar, "varcharsend", text);
  ExpectSame(ColumnType::kJsonb, "jsonb_send", json);
}

}  // namespace
}  // namespace syncline::postgres
