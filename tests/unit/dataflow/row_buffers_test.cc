// Typed rows from raw buffers: what each kind becomes, and that no buffer is read beyond its end.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/dataflow/parse/fixed_values.h"
#include "server/dataflow/parse/record_parser.h"
#include "tests/support/record_collector.h"

namespace syncline::dataflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Number>
std::string Pack(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  if (!numbers.empty()) std::memcpy(&bytes[0], numbers.data(), bytes.size());
  return bytes;
}

std::string PackDecimal(int64_t high, uint64_t low) {
  return Pack<uint64_t>({low}) + Pack<int64_t>({high});
}

class RowBuffersTest : public ::testing::Test {
 protected:
  v1::ColumnValues* Add(ColumnType type) {
    const std::string name = absl::StrCat("c", schema_.columns.size());
    schema_.columns.push_back({name, name, type});
    batch_.mutable_rows()->add_columns(name);
    return batch_.mutable_rows()->add_values();
  }
  v1::FixedValues* AddFixed(ColumnType column, v1::FixedType type, std::string data) {
    v1::FixedValues* const fixed = Add(column)->mutable_fixed();
    fixed->set_type(type);
    fixed->set_data(std::move(data));
    return fixed;
  }
  static void SetTexts(const std::vector<std::string>& texts, int64_t first, bool wide,
                       v1::BufferTexts* buffer) {
    std::vector<int64_t> offsets = {first};
    for (const std::string& text : texts) {
      buffer->mutable_data()->append(text);
      offsets.push_back(offsets.back() + static_cast<int64_t>(text.size()));
    }
    buffer->set_wide(wide);
    buffer->set_offsets(wide ? Pack(offsets)
                             : Pack(std::vector<int32_t>(offsets.begin(), offsets.end())));
  }
  absl::Status Parse(int64_t rows) {
    batch_.mutable_rows()->set_row_count(rows);
    absl::Status counted = RecordParser::CountRecords(batch_).status();
    if (counted.ok()) RecordParser(schema_, {}).Parse(&batch_, 0, &sink_);
    return counted;
  }
  std::vector<std::string> Column(size_t column) {
    std::vector<std::string> got;
    for (const KeptRecord& record : sink_.records) {
      const KeptValue& value = record.values[column];
      got.push_back(value.is_null()                    ? "-"
                    : value.kind == Value::Kind::kText ? value.text
                                                       : absl::StrCat(value.scalar));
    }
    return got;
  }
  // Returns what becomes of the values of one column, and removes the column.
  std::string Convert(ColumnType column, v1::FixedType type, std::string data, int32_t scale = 0) {
    const int64_t rows = static_cast<int64_t>(data.size()) / GetFixedWidth(type);
    AddFixed(column, type, std::move(data))->set_scale(scale);
    const absl::Status parsed = Parse(rows);
    EXPECT_TRUE(parsed.ok()) << parsed;
    std::string got = absl::StrJoin(Column(0), " ");
    Clear();
    return got;
  }
  std::string Violations(int64_t rows) {
    const absl::Status status = Parse(rows);
    EXPECT_EQ(GetReason(status), "INVALID_ROWS");
    std::vector<std::string> fields;
    for (const FieldViolation& violation : GetDetail(status).violations) {
      fields.push_back(violation.field);
    }
    Clear();
    return absl::StrJoin(fields, " ");
  }
  void Clear() {
    schema_.columns.clear();
    batch_.Clear();
    sink_.records.clear();
    sink_.rejects.clear();
  }

  TableSchema schema_;
  v1::RecordBatch batch_;
  RecordCollector sink_;
};

TEST_F(RowBuffersTest, IntegersOfEveryWidth) {
  constexpr auto kBigint = ColumnType::kBigint;
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_INT8, Pack<int8_t>({-128, 127})), "-128 127");
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_INT16, Pack<int16_t>({-32768, 5})), "-32768 5");
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_INT32, Pack<int32_t>({-7})), "-7");
  EXPECT_EQ(
      Convert(kBigint, v1::FIXED_TYPE_INT64, Pack<int64_t>({std::numeric_limits<int64_t>::min()})),
      "-9223372036854775808");
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_UINT8, Pack<uint8_t>({255})), "255");
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_UINT16, Pack<uint16_t>({65535})), "65535");
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_UINT32, Pack<uint32_t>({4294967295U})), "4294967295");
  const std::string large =
      Pack<uint64_t>({9223372036854775807U, 9223372036854775808U, 18446744073709551615U});
  EXPECT_EQ(Convert(kBigint, v1::FIXED_TYPE_UINT64, large), "9223372036854775807 - -");
  EXPECT_EQ(Convert(ColumnType::kNumeric, v1::FIXED_TYPE_UINT64, large),
            "9223372036854775807 9223372036854775808 18446744073709551615");
  EXPECT_EQ(Convert(ColumnType::kVarchar, v1::FIXED_TYPE_INT8, Pack<int8_t>({-1})), "-1");
  EXPECT_EQ(Convert(ColumnType::kBoolean, v1::FIXED_TYPE_INT8, Pack<int8_t>({1})), "-");
}

TEST_F(RowBuffersTest, FloatsAreConvertedLikeDoubles) {
  EXPECT_EQ(Convert(ColumnType::kNumeric, v1::FIXED_TYPE_FLOAT64,
                    Pack<double>({0.1, -2.5, std::nan(""), HUGE_VAL})),
            "0.1 -2.5 - -");
  EXPECT_EQ(Convert(ColumnType::kNumeric, v1::FIXED_TYPE_FLOAT32, Pack<float>({1.5F, 0.1F})),
            "1.5 0.10000000149011612");
  EXPECT_EQ(Convert(ColumnType::kBigint, v1::FIXED_TYPE_FLOAT64, Pack<double>({42, 0.5})), "42 -");
}

TEST_F(RowBuffersTest, DecimalsKeepEveryDigit) {
  constexpr auto kNumeric = ColumnType::kNumeric;
  constexpr auto kDecimal = v1::FIXED_TYPE_DECIMAL128;
  const std::string numbers =
      PackDecimal(0, 12345) + PackDecimal(-1, static_cast<uint64_t>(-5)) + PackDecimal(0, 0);
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers, 2), "123.45 -0.05 0.00");
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers), "12345 -5 0");
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers, 5), "0.12345 -0.00005 0.00000");
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers, -3), "12345000 -5000 0");
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers, -200), "12345e200 -5e200 0");
  EXPECT_EQ(Convert(kNumeric, kDecimal, numbers, 200), "12345e-200 -5e-200 0");
  // 10^38 - 1, the largest decimal of 38 digits; 2^64; and the smallest integer of 128 bits.
  EXPECT_EQ(Convert(kNumeric, kDecimal,
                    PackDecimal(5421010862427522170, 687399551400673279) + PackDecimal(1, 0) +
                        PackDecimal(std::numeric_limits<int64_t>::min(), 0),
                    10),
            "9999999999999999999999999999.9999999999 1844674407.3709551616 "
            "-17014118346046923173168730371.5884105728");
  EXPECT_EQ(Convert(kNumeric, kDecimal, PackDecimal(0, 1), std::numeric_limits<int32_t>::min()),
            "-");
  EXPECT_EQ(Convert(ColumnType::kBigint, kDecimal, PackDecimal(0, 4200) + PackDecimal(0, 4250), 2),
            "42 -");
  EXPECT_EQ(Convert(ColumnType::kVarchar, kDecimal, PackDecimal(0, 4200), 2), "42.00");
}

TEST_F(RowBuffersTest, DatesAndTimes) {
  constexpr int64_t kEpoch = 946684800;  // 2000-01-01 in seconds
  EXPECT_EQ(Convert(ColumnType::kDate, v1::FIXED_TYPE_DATE_DAYS32, Pack<int32_t>({10957, 0})),
            "0 -10957");
  EXPECT_EQ(Convert(ColumnType::kDate, v1::FIXED_TYPE_DATE_MS64,
                    Pack<int64_t>({kEpoch * 1000 + 86399999, kEpoch * 1000 - 1,
                                   std::numeric_limits<int64_t>::min()})),
            "0 -1 -");
  constexpr auto kTime = ColumnType::kTime;
  EXPECT_EQ(Convert(kTime, v1::FIXED_TYPE_TIME_S32, Pack<int32_t>({1, 86400, 86401, -1})),
            "1000000 86400000000 - -");
  EXPECT_EQ(Convert(kTime, v1::FIXED_TYPE_TIME_MS32, Pack<int32_t>({1})), "1000");
  EXPECT_EQ(Convert(kTime, v1::FIXED_TYPE_TIME_US64, Pack<int64_t>({1})), "1");
  EXPECT_EQ(Convert(kTime, v1::FIXED_TYPE_TIME_NS64, Pack<int64_t>({1999, 86399999999999, -1})),
            "1 86399999999 -");
  EXPECT_EQ(Convert(ColumnType::kTimetz, v1::FIXED_TYPE_TIME_S32, Pack<int32_t>({1})), "1000000");
  EXPECT_EQ(Convert(ColumnType::kVarchar, v1::FIXED_TYPE_TIME_MS32, Pack<int32_t>({3661001, 0})),
            "01:01:01.001000 00:00:00");
}

TEST_F(RowBuffersTest, Timestamps) {
  constexpr int64_t kEpoch = 946684800;
  constexpr auto kTimestamptz = ColumnType::kTimestamptz;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Convert(kTimestamptz, v1::FIXED_TYPE_TIMESTAMP_S,
                    Pack<int64_t>({kEpoch + 1, kMax, -kMax - 1})),
            "1000000 - -");
  EXPECT_EQ(Convert(kTimestamptz, v1::FIXED_TYPE_TIMESTAMP_MS,
                    Pack<int64_t>({kEpoch * 1000 - 1, kMax / 999})),
            "-1000 -");
  EXPECT_EQ(Convert(kTimestamptz, v1::FIXED_TYPE_TIMESTAMP_US, Pack<int64_t>({kEpoch * 1000000})),
            "0");
  EXPECT_EQ(Convert(kTimestamptz, v1::FIXED_TYPE_TIMESTAMP_NS,
                    Pack<int64_t>({kEpoch * 1000000000 + 1999, kEpoch * 1000000000 - 1})),
            "1 -1");
  EXPECT_EQ(Convert(ColumnType::kTimestamp, v1::FIXED_TYPE_TIMESTAMP_NS, Pack<int64_t>({-1})),
            "-946684800000001");
  EXPECT_EQ(Convert(ColumnType::kVarchar, v1::FIXED_TYPE_TIMESTAMP_MS, Pack<int64_t>({-1})),
            "1969-12-31T23:59:59.999000Z");
}

TEST_F(RowBuffersTest, BitsAndValidityStartAtAnyBit) {
  v1::ColumnValues* const flags = Add(ColumnType::kBoolean);
  flags->mutable_bits()->set_bits(std::string("\x28\x01", 2));  // bits 3, 5 and 8
  flags->mutable_bits()->set_bit_offset(3);
  flags->mutable_validity()->set_bits(std::string("\xF7", 1));  // all but bit 3
  flags->mutable_validity()->set_bit_offset(2);
  Add(ColumnType::kVarchar)->mutable_bits()->set_bits(std::string("\x02", 1));
  ASSERT_TRUE(Parse(6).ok());
  EXPECT_THAT(Column(0), ElementsAre("1", "-", "1", "0", "0", "1"));
  EXPECT_THAT(Column(1), ElementsAre("false", "true", "false", "false", "false", "false"));
}

TEST_F(RowBuffersTest, TextsStartAtAnyOffset) {
  for (const bool wide : {false, true}) {
    v1::ColumnValues* const texts = Add(ColumnType::kVarchar);
    SetTexts({"a", "\xff under a null", "", "é"}, 7, wide, texts->mutable_utf8());
    texts->mutable_validity()->set_bits("\x0D");
    SetTexts({"[1]", "null", " {\"a\":1} ", "7"}, 0, wide, Add(ColumnType::kJsonb)->mutable_json());
    SetTexts({std::string("\0\xff", 2), "", "ab", "c"}, 3, wide,
             Add(ColumnType::kBytea)->mutable_binary());
    SetTexts({std::string("\0\xff", 2), "", "ab", "c"}, 0, wide,
             Add(ColumnType::kVarchar)->mutable_binary());
    SetTexts({"1", "2", "3", "4"}, 0, wide, Add(ColumnType::kBigint)->mutable_binary());
    SetTexts({"1", "x", "2.0", ""}, 0, wide, Add(ColumnType::kBigint)->mutable_utf8());
    const absl::Status parsed = Parse(4);
    ASSERT_TRUE(parsed.ok()) << parsed;
    ASSERT_EQ(sink_.records.size(), 4u);
    EXPECT_THAT(Column(0), ElementsAre("a", "-", "", "é"));
    EXPECT_THAT(Column(1), ElementsAre("[1]", "-", "{\"a\":1}", "7"));
    EXPECT_THAT(Column(2), ElementsAre(std::string("\0\xff", 2), "", "ab", "c"));
    EXPECT_THAT(Column(3), ElementsAre("AP8=", "", "YWI=", "Yw=="));
    EXPECT_THAT(Column(4), ElementsAre("-", "-", "-", "-"));
    EXPECT_THAT(Column(5), ElementsAre("1", "-", "2", "-"));
    EXPECT_THAT(sink_.records[0].meta_json, HasSubstr("\"field\":\"c4\",\"change\":\"NULLED\""));
    Clear();
  }
}

// A border within a character makes both of its texts invalid, although all bytes together are
// UTF-8.
TEST_F(RowBuffersTest, BadTextsRejectOnlyTheirRecord) {
  SetTexts({"ok", "\xe2\x82", "\xac", "ok", "ok"}, 0, false,
           Add(ColumnType::kVarchar)->mutable_utf8());
  SetTexts({"1", "1", "1", "1", "[1,"}, 0, false, Add(ColumnType::kJsonb)->mutable_json());
  ASSERT_TRUE(Parse(5).ok());
  EXPECT_THAT(Column(0), ElementsAre("ok", "ok"));
  std::vector<std::string> got;
  for (const KeptReject& reject : sink_.rejects) {
    got.push_back(absl::StrCat(reject.offset, ":", RejectReasonName(reject.reason)));
  }
  EXPECT_THAT(got, ElementsAre("1:INVALID_UTF8", "2:INVALID_UTF8", "4:INVALID_JSON"));
}

TEST_F(RowBuffersTest, RefusesSizesThatDoNotMatch) {
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_INT32, std::string(7, '\0'));
  EXPECT_EQ(Violations(2), "rows.values[0].fixed.data");
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_INT32, std::string(12, '\0'));
  EXPECT_EQ(Violations(2), "rows.values[0].fixed.data");
  // The product of these counts would overflow 64 bits.
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_INT64, "");
  EXPECT_EQ(Violations(int64_t{1} << 61), "rows.values[0].fixed.data");
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_UNSPECIFIED, "");
  EXPECT_EQ(Violations(0), "rows.values[0].fixed.type");
  AddFixed(ColumnType::kBigint, static_cast<v1::FixedType>(99), "a");
  EXPECT_EQ(Violations(1), "rows.values[0].fixed.type");
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_INT8, "a")->set_scale(1);
  EXPECT_EQ(Violations(1), "rows.values[0].fixed.scale");
  Add(ColumnType::kBoolean)->mutable_bits()->set_bits("ab");
  EXPECT_EQ(Violations(8), "rows.values[0].bits.bits");
  Add(ColumnType::kBoolean)->mutable_bits()->set_bit_offset(8);
  EXPECT_EQ(Violations(0), "rows.values[0].bits.bit_offset");
  Add(ColumnType::kBoolean)->mutable_bits()->set_bits("a");
  EXPECT_EQ(Violations(std::numeric_limits<int64_t>::max()), "rows.values[0].bits.bits");
}

TEST_F(RowBuffersTest, RefusesNullsOfTheOtherKinds) {
  v1::ColumnValues* values = Add(ColumnType::kBigint);
  values->mutable_int64s()->add_values(1);
  values->mutable_validity()->set_bits("\1");
  EXPECT_EQ(Violations(1), "rows.values[0].validity");
  values = Add(ColumnType::kBoolean);
  values->mutable_bits()->set_bits("\1");
  values->set_nulls(std::string(1, '\0'));
  EXPECT_EQ(Violations(1), "rows.values[0].nulls");
  values = Add(ColumnType::kBoolean);
  values->mutable_bits()->set_bits("\1");
  values->mutable_validity();
  EXPECT_EQ(Violations(1), "rows.values[0].validity.bits");
  values = Add(ColumnType::kBoolean);
  values->mutable_bits()->set_bits("\1");
  values->mutable_validity()->set_bits("\1");
  values->mutable_validity()->set_bit_offset(9);
  EXPECT_EQ(Violations(1), "rows.values[0].validity.bit_offset");
}

TEST_F(RowBuffersTest, RefusesOffsetsThatLeaveTheData) {
  const auto violation = [this](const std::string& offsets, const std::string& data, int64_t rows) {
    v1::BufferTexts* const texts = Add(ColumnType::kVarchar)->mutable_utf8();
    texts->set_offsets(offsets);
    texts->set_data(data);
    return Violations(rows);
  };
  EXPECT_EQ(violation(Pack<int32_t>({0, 1}), "ab", 1), "rows.values[0].utf8.data");
  EXPECT_EQ(violation(Pack<int32_t>({0, 3}), "ab", 1), "rows.values[0].utf8.data");
  EXPECT_EQ(violation(Pack<int32_t>({0, 2, 1}), "a", 2), "rows.values[0].utf8.offsets");
  EXPECT_EQ(violation(Pack<int32_t>({-1, 1}), "ab", 1), "rows.values[0].utf8.offsets");
  EXPECT_EQ(violation(Pack<int32_t>({0}), "", 1), "rows.values[0].utf8.offsets");
  EXPECT_EQ(violation("", "", 1), "rows.values[0].utf8.offsets");
  EXPECT_EQ(violation(Pack<int32_t>({0, 1}) + "x", "a", 1), "rows.values[0].utf8.offsets");
  EXPECT_EQ(violation("", "a", 0), "rows.values[0].utf8.data");
  EXPECT_EQ(violation("", "", std::numeric_limits<int64_t>::max()), "rows.values[0].utf8.offsets");
}

TEST_F(RowBuffersTest, NoRowsNeedNoOffset) {
  Add(ColumnType::kVarchar)->mutable_utf8();
  SetTexts({}, 5, false, Add(ColumnType::kVarchar)->mutable_utf8());
  SetTexts({}, 5, true, Add(ColumnType::kBytea)->mutable_binary());
  AddFixed(ColumnType::kBigint, v1::FIXED_TYPE_INT64, "");
  Add(ColumnType::kBoolean)->mutable_bits();
  const absl::Status parsed = Parse(0);
  EXPECT_TRUE(parsed.ok()) << parsed;
  EXPECT_TRUE(sink_.records.empty());
}

}  // namespace
}  // namespace syncline::dataflow
