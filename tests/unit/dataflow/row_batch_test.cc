#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/dataflow/parse/record_parser.h"
#include "tests/support/record_collector.h"

namespace syncline::dataflow {
namespace {

using ::testing::ElementsAre;

class RowBatchTest : public ::testing::Test {
 protected:
  // Adds a column `name` of `type` to the schema and to the batch.
  v1::ColumnValues* Add(const std::string& name, ColumnType type) {
    schema_.columns.push_back({name, name, type});
    return AddValues(name);
  }
  v1::ColumnValues* AddValues(const std::string& name) {
    batch_.mutable_rows()->add_columns(name);
    return batch_.mutable_rows()->add_values();
  }
  static void SetTexts(const std::vector<std::string>& texts, v1::TextValues* values) {
    for (const std::string& text : texts) {
      values->mutable_data()->append(text);
      values->add_lengths(static_cast<uint32_t>(text.size()));
    }
  }
  absl::Status Parse(int64_t rows) {
    batch_.mutable_rows()->set_row_count(rows);
    absl::Status counted = RecordParser::CountRecords(batch_).status();
    if (counted.ok()) RecordParser(schema_, {}).Parse(&batch_, 0, &sink_);
    return counted;
  }
  // Returns the values of one column for all records.
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
  std::vector<std::string> Violations(int64_t rows) {
    const absl::Status status = Parse(rows);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(GetReason(status), "INVALID_ROWS");
    std::vector<std::string> fields;
    for (const FieldViolation& violation : GetDetail(status).violations)
      fields.push_back(violation.field);
    return fields;
  }

  TableSchema schema_;
  v1::RecordBatch batch_;
  RecordCollector sink_;
};

TEST_F(RowBatchTest, KeepsMatchingKindsUnchanged) {
  v1::ColumnValues* ids = Add("id", ColumnType::kBigint);
  for (const int64_t id :
       {std::numeric_limits<int64_t>::min(), int64_t{0}, std::numeric_limits<int64_t>::max()}) {
    ids->mutable_int64s()->add_values(id);
  }
  SetTexts({"a\\n", "", "é"}, Add("text", ColumnType::kVarchar)->mutable_texts());
  SetTexts({" {\"a\":1}", "null", "[1]"}, Add("json", ColumnType::kJsonb)->mutable_jsons());
  v1::ColumnValues* flags = Add("flag", ColumnType::kBoolean);
  for (const bool flag : {true, false, true}) flags->mutable_bools()->add_values(flag);
  v1::ColumnValues* at = Add("at", ColumnType::kTimestamptz);
  for (const int64_t us :
       {int64_t{946684800000001}, int64_t{0}, std::numeric_limits<int64_t>::min()}) {
    at->mutable_timestamps_us()->add_values(us);
  }
  v1::ColumnValues* days = Add("day", ColumnType::kDate);
  for (const int64_t day : {int64_t{10957}, int64_t{0}, std::numeric_limits<int64_t>::max()}) {
    days->mutable_dates_days()->add_values(day);
  }
  batch_.set_first_offset(5);
  ASSERT_TRUE(Parse(3).ok());
  ASSERT_EQ(sink_.records.size(), 3u);
  EXPECT_EQ(sink_.records[2].offset, 7);
  EXPECT_THAT(Column(0), ElementsAre("-9223372036854775808", "0", "9223372036854775807"));
  EXPECT_THAT(Column(1), ElementsAre("a\\n", "", "é"));
  EXPECT_THAT(Column(2), ElementsAre("{\"a\":1}", "-", "[1]"));
  EXPECT_THAT(Column(3), ElementsAre("1", "0", "1"));
  EXPECT_THAT(Column(4), ElementsAre("1", "-946684800000000", "-"));
  EXPECT_THAT(Column(5), ElementsAre("0", "-10957", "-"));
  EXPECT_EQ(RecordParser::CountRecords(batch_).value(), 3);
}

// Each of them would be a violation, and each violation is copied several times.
TEST_F(RowBatchTest, RefusesMoreColumnsThanATableCanHave) {
  for (int i = 0; i < 1601; ++i) batch_.mutable_rows()->add_columns("");
  EXPECT_THAT(Violations(0), ElementsAre("rows.columns"));
  batch_.mutable_rows()->mutable_columns()->RemoveLast();
  EXPECT_THAT(Violations(0), ::testing::SizeIs(20));
}

TEST_F(RowBatchTest, ConvertsOtherKindsAsJsonValues) {
  const auto doubles = [](v1::ColumnValues* values) {
    for (const double number : {42.0, 1.5, std::nan("")})
      values->mutable_doubles()->add_values(number);
  };
  doubles(Add("double_integer", ColumnType::kBigint));
  doubles(Add("double_number", ColumnType::kNumeric));
  doubles(Add("double_text", ColumnType::kVarchar));
  SetTexts({"7", "x", "1e2"}, Add("text_integer", ColumnType::kBigint)->mutable_texts());
  SetTexts({"2000-01-02", "x", ""}, Add("text_date", ColumnType::kDate)->mutable_texts());
  SetTexts({"a\"", "", "{}"}, Add("text_json", ColumnType::kJsonb)->mutable_texts());
  SetTexts({"\"7\"", "[1, 2]", "8"}, Add("json_text", ColumnType::kVarchar)->mutable_jsons());
  v1::ColumnValues* text_days = Add("date_text", ColumnType::kVarchar);
  v1::ColumnValues* text_at = Add("at_text", ColumnType::kVarchar);
  v1::ColumnValues* day_at = Add("at_date", ColumnType::kDate);
  v1::ColumnValues* flag_text = Add("flag_text", ColumnType::kVarchar);
  for (const int64_t at : {int64_t{0}, int64_t{-1}, int64_t{946684800000000}}) {
    text_days->mutable_dates_days()->add_values(at == 0 ? -1000000 : 0);
    text_at->mutable_timestamps_us()->add_values(at);
    day_at->mutable_timestamps_us()->add_values(at);
    flag_text->mutable_bools()->add_values(at == 0);
  }
  ASSERT_TRUE(Parse(3).ok());
  EXPECT_THAT(Column(0), ElementsAre("42", "-", "-"));
  EXPECT_THAT(Column(1), ElementsAre("42", "1.5", "-"));
  EXPECT_THAT(Column(2), ElementsAre("42", "1.5", "-"));
  EXPECT_THAT(Column(3), ElementsAre("7", "-", "100"));
  EXPECT_THAT(Column(4), ElementsAre("1", "-", "-"));
  EXPECT_THAT(Column(5), ElementsAre(R"("a\"")", R"("")", R"("{}")"));
  EXPECT_THAT(Column(6), ElementsAre("7", "[1,2]", "8"));
  EXPECT_THAT(Column(7), ElementsAre("0769-02-04 BC", "1970-01-01", "1970-01-01"));
  EXPECT_THAT(Column(8), ElementsAre("1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z",
                                     "2000-01-01T00:00:00Z"));
  EXPECT_THAT(Column(9), ElementsAre("-10957", "-10958", "0"));
  EXPECT_THAT(Column(10), ElementsAre("true", "false", "false"));
  EXPECT_THAT(
      sink_.records[2].meta_json,
      ::testing::HasSubstr(
          R"({"field":"double_integer","change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"})"));
}

TEST_F(RowBatchTest, NullsTakeTheirPlace) {
  v1::ColumnValues* texts = Add("text", ColumnType::kVarchar);
  SetTexts({"a", "bb", "ccc"}, texts->mutable_texts());
  texts->set_nulls(std::string(1, '\x02'));
  schema_.columns.push_back({"absent", "absent", ColumnType::kBigint});
  AddValues("undeclared")->mutable_int64s()->mutable_values()->Resize(3, 1);
  sink_.unwanted = {0};
  ASSERT_TRUE(Parse(3).ok());
  EXPECT_THAT(Column(0), ElementsAre("-", "ccc"));
  EXPECT_THAT(Column(1), ElementsAre("-", "-"));
}

TEST_F(RowBatchTest, BadTextsAffectOnlyTheirRecord) {
  SetTexts({"ok", "\xff", std::string("a\0b", 3), "\xe2\x82", "\xac", "ok"},
           Add("text", ColumnType::kVarchar)->mutable_texts());
  SetTexts({"1", "1", "1", "1", "1", "[1,"}, Add("json", ColumnType::kJsonb)->mutable_jsons());
  ASSERT_TRUE(Parse(6).ok());
  EXPECT_THAT(Column(0), ElementsAre("ok", "ab"));
  std::vector<std::string> got;
  for (const KeptReject& reject : sink_.rejects) {
    got.push_back(absl::StrCat(reject.offset, ":", RejectReasonName(reject.reason)));
    EXPECT_TRUE(reject.raw.empty());
  }
  EXPECT_THAT(got,
              ElementsAre("1:INVALID_UTF8", "3:INVALID_UTF8", "4:INVALID_UTF8", "5:INVALID_JSON"));
}

TEST_F(RowBatchTest, RejectsMalformedJsonForOtherColumns) {
  SetTexts({"\"abc", "\"abc\"", "tru"}, Add("text", ColumnType::kVarchar)->mutable_jsons());
  ASSERT_TRUE(Parse(3).ok());
  EXPECT_THAT(Column(0), ElementsAre("abc"));
  EXPECT_EQ(sink_.rejects.size(), 2u);
}

TEST_F(RowBatchTest, NamesEveryInconsistentCount) {
  Add("a", ColumnType::kBigint)->mutable_int64s()->add_values(1);
  v1::ColumnValues* b = Add("b", ColumnType::kVarchar);
  SetTexts({"x", "y"}, b->mutable_texts());
  b->mutable_texts()->mutable_data()->append("z");
  b->set_nulls("ab");
  AddValues("a")->mutable_bools()->mutable_values()->Resize(2, true);
  AddValues("c");
  EXPECT_THAT(Violations(2),
              ElementsAre("rows.columns[2]", "rows.values[0]", "rows.values[1].nulls",
                          "rows.values[1].texts.lengths", "rows.values[3]"));
}

TEST_F(RowBatchTest, RefusesRowsWithoutColumnsAndNegativeCounts) {
  EXPECT_THAT(Violations(1000000000000), ElementsAre("rows.columns"));
  EXPECT_THAT(Violations(-1), ElementsAre("rows.row_count"));
  ASSERT_TRUE(Parse(0).ok());
  batch_.mutable_rows()->add_columns("a");
  EXPECT_THAT(Violations(0), ElementsAre("rows.values"));
}

}  // namespace
}  // namespace syncline::dataflow
