// The parser's counts of values that did not fit, and changes of values that reject a record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/dataflow/parse/value_tally.h"
#include "tests/support/record_collector.h"

namespace syncline::dataflow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kArrivalUs = 12345;

class ValueCountsTest : public ::testing::Test {
 protected:
  ValueCountsTest() {
    schema_.columns = {{"id", "id", ColumnType::kBigint},
                       {"v", "v", ColumnType::kVarchar},
                       {"n", "n", ColumnType::kNumeric},
                       {"o", "o", ColumnType::kJsonb, true, JsonShape::kObject},
                       {"b", "b", ColumnType::kBytea}};
    schema_.primary_key = {"id"};
    schema_.cursor = "n";
  }

  RecordParser& parser() {
    if (parser_ == nullptr) parser_ = std::make_unique<RecordParser>(schema_, options_);
    return *parser_;
  }
  FieldCounts Counts(const std::string& lines, bool airbyte = false) {
    v1::RecordBatch batch;
    (airbyte ? *batch.mutable_airbyte_jsonl() : *batch.mutable_jsonl()) = lines;
    parser().Parse(&batch, kArrivalUs, &sink_);
    EXPECT_NE(parser().has_counts(), false) << lines;
    return parser().TakeCounts();
  }
  // Returns the reason if the record is rejected, otherwise its meta.
  std::string Line(const std::string& line) {
    sink_ = RecordCollector();
    v1::RecordBatch batch;
    batch.set_jsonl(line);
    parser().Parse(&batch, kArrivalUs, &sink_);
    if (!sink_.rejects.empty()) return std::string(RejectReasonName(sink_.rejects[0].reason));
    return sink_.records.empty() ? "" : sink_.records[0].meta_json;
  }
  const KeptValue& Stored(size_t column) { return sink_.records.at(0).values.at(column); }

  TableSchema schema_;
  RecordParserOptions options_;
  RecordCollector sink_;
  std::unique_ptr<RecordParser> parser_;
};

TEST_F(ValueCountsTest, CountsPerFieldAndResets) {
  EXPECT_THAT(
      Counts(absl::StrCat(R"({"id":"x","v":"a\u0000b","late":1,"new":2,"late":3})", "\n",
                          R"({"id":1,"n":1e200000,"late":null})", "\n", R"({"id":2,"v":"fine"})")),
      ElementsAre(Pair("id", ValueCounts{1, 0, 0}), Pair("late", ValueCounts{0, 0, 2}),
                  Pair("n", ValueCounts{1, 0, 0}), Pair("new", ValueCounts{0, 0, 1}),
                  Pair("v", ValueCounts{0, 1, 0})));
  EXPECT_FALSE(parser().has_counts());
  EXPECT_EQ(Line(R"({"id":3,"v":"fine"})"), R"({"sync_id":0,"changes":[]})");
  EXPECT_FALSE(parser().has_counts());
}

TEST_F(ValueCountsTest, RejectedRecordsDoNotCount) {
  options_.require_key = true;
  EXPECT_THAT(Counts(absl::StrCat(R"({"v":"a\u0000b","x":1})", "\n", "{\"x\":1,\"o\":[}\n",
                                  R"({"id":1,"y":1})")),
              ElementsAre(Pair("y", ValueCounts{0, 0, 1})));
  EXPECT_EQ(sink_.rejects.size(), 2u);
}

TEST_F(ValueCountsTest, OnlyTheLastDataOfAMessageCounts) {
  EXPECT_THAT(
      Counts(
          R"({"type":"RECORD","record":{"data":{"gone":1},"data":{"id":1,"stays":1},"stream":"s"}})",
          /*airbyte=*/true),
      ElementsAre(Pair("stays", ValueCounts{0, 0, 1})));
}

TEST_F(ValueCountsTest, CombinesNamesBeyondTheLimit) {
  std::string line = "{\"id\":1";
  for (int i = 0; i < 150; ++i) absl::StrAppend(&line, ",\"key ", i, "\":1");
  const FieldCounts first = Counts(line + "}");
  EXPECT_EQ(first.size(), kMaxUndeclaredNames + 1);
  EXPECT_EQ(first.at(kOtherFields).undeclared, 50);
  EXPECT_THAT(
      Counts(R"({"id":1,"another":1,"key 3":1})"),
      ElementsAre(Pair(kOtherFields, ValueCounts{0, 0, 1}), Pair("key 3", ValueCounts{0, 0, 1})));
}

TEST_F(ValueCountsTest, NamesFitTheLedger) {
  const std::string longest(kMaxFieldNameBytes - 1, 'n');
  EXPECT_THAT(Counts(absl::StrCat("{\"a\\u0000b\":1,\"", longest, "\xC3\xA9\":1,\"",
                                  std::string(5000, 'x'), "\":1}")),
              ElementsAre(Pair(kOtherFields, ValueCounts{0, 0, 1}),
                          Pair("ab", ValueCounts{0, 0, 1}), Pair(longest, ValueCounts{0, 0, 1})));
}

TEST_F(ValueCountsTest, CountsTypedRows) {
  // Parses a line first, to check that its fields are not counted for the typed rows.
  Counts(R"({"id":1,"of the line":1})");
  v1::RecordBatch batch;
  v1::RowBatch* const rows = batch.mutable_rows();
  rows->set_row_count(2);
  rows->add_columns("n");
  v1::TextValues* const texts = rows->add_values()->mutable_texts();
  texts->set_data("1x");
  texts->add_lengths(1);
  texts->add_lengths(1);
  rows->add_columns("late");
  for (const int64_t value : {1, 2}) {
    if (rows->values_size() == 1) rows->add_values();
    rows->mutable_values(1)->mutable_int64s()->add_values(value);
  }
  parser().Parse(&batch, kArrivalUs, &sink_);
  EXPECT_THAT(parser().TakeCounts(),
              ElementsAre(Pair("late", ValueCounts{0, 0, 2}), Pair("n", ValueCounts{1, 0, 0})));
}

TEST_F(ValueCountsTest, ChangedKeyOrCursorRejectsDedupRecords) {
  const std::string noted = R"({"sync_id":0,"changes":[{"field":"id",)"
                            R"("change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"}]})";
  EXPECT_EQ(Line(R"({"id":"x"})"), noted) << "an append does not depend on it";
  parser_ = nullptr;
  options_.require_key = true;
  EXPECT_EQ(Line(R"({"id":"x"})"), "KEY_CHANGED");
  EXPECT_EQ(Line(R"({"id":99999999999999999999})"), "KEY_CHANGED");
  EXPECT_EQ(Line(R"({"id":NaN})"), "KEY_CHANGED");
  EXPECT_EQ(Line(R"({"id":1,"n":"soon"})"), "CURSOR_CHANGED");
  EXPECT_EQ(Line(absl::StrCat(R"({"id":1,"n":0.)", std::string(16384, '1'), "}")),
            "CURSOR_CHANGED");
  EXPECT_EQ(Line(R"({"id":1,"n":null})"), R"({"sync_id":0,"changes":[]})");
  EXPECT_EQ(Line(R"({"id":"7","n":"1e2"})"), R"({"sync_id":0,"changes":[]})");
  EXPECT_EQ(Line(R"({"id":null})"), "MISSING_KEY");
  schema_.columns[0].type = ColumnType::kVarchar;
  parser_ = nullptr;
  EXPECT_EQ(Line(R"({"id":"a\u0000"})"), "KEY_CHANGED");
}

TEST_F(ValueCountsTest, PythonsNaNAndInfinityBecomeNull) {
  for (const char* token : {"NaN", "Infinity", "-Infinity"}) {
    for (const char* column : {"id", "v", "n", "o", "b"}) {
      EXPECT_EQ(
          Line(absl::StrCat("{\"x\":", token, ",\"", column, "\": ", token, " }")),
          absl::StrCat(R"({"sync_id":0,"changes":[{"field":")", column,
                       R"(","change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"}]})"));
      for (const KeptValue& value : sink_.records.at(0).values) EXPECT_TRUE(value.is_null());
    }
  }
  EXPECT_EQ(Line(R"({"o":{"a":[NaN,1,-Infinity,Infinity],"b":"NaN"}})"),
            R"({"sync_id":0,"changes":[{"field":"o","change":"NULLED",)"
            R"("reason":"DESTINATION_SERIALIZATION_ERROR"}]})");
  EXPECT_EQ(Stored(3).text, R"({"a":[null,1,null,null],"b":"NaN"})");
  Line(R"({"v":[NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN]})");
  EXPECT_EQ(Stored(1).text, "[null,null,null,null,null,null,null,null]");
  for (const char* bad : {R"({"n":nan})", R"({"n":+Infinity})", R"({"n":NaNa})", R"({"n":-NaN})",
                          R"({"n":Inf})", R"({"n":N})", R"({"o":{NaN:1}})", R"({"n":NaN NaN})"}) {
    EXPECT_EQ(Line(bad), "INVALID_JSON") << bad;
  }
}

TEST_F(ValueCountsTest, ParsesJsonStringsForObjectColumns) {
  constexpr char kNoChange[] = R"({"sync_id":0,"changes":[]})";
  EXPECT_EQ(Line(R"({"o":" {\"a\": [1.50, \"x\\ny\"]}\n"})"), kNoChange);
  EXPECT_EQ(Stored(3).text, R"({"a": [1.50, "x\ny"]})");
  EXPECT_EQ(Line(R"({"o":"{}"})"), kNoChange);
  EXPECT_EQ(Stored(3).text, "{}");
  for (const char* text : {R"("[]")", R"("{")", R"("1")", R"("")", R"("{\"a\":}")", R"("{} {}")"}) {
    EXPECT_NE(Line(absl::StrCat("{\"o\":", text, "}")), kNoChange) << text;
    EXPECT_TRUE(Stored(3).is_null()) << text;
  }
}

TEST_F(ValueCountsTest, Base64BecomesBytes) {
  const auto bytes = [&](const std::string& text) {
    Line(absl::StrCat("{\"b\":\"", text, "\"}"));
    return Stored(4).is_null() ? "NULL" : Stored(4).text;
  };
  EXPECT_EQ(bytes(""), "");
  EXPECT_EQ(bytes("aGVsbG8="), "hello");
  EXPECT_EQ(bytes("aGVsbG8"), "hello");
  EXPECT_EQ(bytes("aGVs\\r\\nbG8h"), "hello!");
  EXPECT_EQ(bytes("_-8="), std::string("\xFF\xEF"));
  EXPECT_EQ(bytes("AAEC"), std::string("\0\1\2", 3));
  for (const char* bad : {"a", "ab=", "aGVsbG9=", "a=bc", "====", "a*bc", "aGVsbG8==", "\\u00e9"}) {
    EXPECT_EQ(bytes(bad), "NULL") << bad;
  }
  Line(R"({"b":12})");
  EXPECT_TRUE(Stored(4).is_null());
}

// A marker that cannot be converted is stored as some value. Only null and NaN become NULL.
TEST_F(ValueCountsTest, UnreadableDeletionMarkerIsStillSet) {
  const auto marked = [&](ColumnType type, const std::string& marker) -> const KeptValue& {
    schema_.columns = {{kCdcDeletedAtField, kCdcDeletedAtField, type}};
    schema_.primary_key.clear();
    schema_.cursor.reset();
    parser_ = nullptr;
    Line(absl::StrCat("{\"", kCdcDeletedAtField, "\":", marker, "}"));
    return Stored(0);
  };
  EXPECT_EQ(marked(ColumnType::kTimestamptz, "\"deleted\"").scalar, kArrivalUs);
  EXPECT_EQ(sink_.records[0].meta_json,
            R"({"sync_id":0,"changes":[{"field":"_ab_cdc_deleted_at","change":"TRUNCATED",)"
            R"("reason":"DESTINATION_SERIALIZATION_ERROR"}]})");
  EXPECT_EQ(marked(ColumnType::kTimestamptz, "\"999999-01-01T00:00:00Z\"").scalar, kArrivalUs);
  EXPECT_EQ(marked(ColumnType::kTimestamp, "true").scalar, kArrivalUs);
  EXPECT_EQ(marked(ColumnType::kDate, "1704067200000").scalar, 0);
  EXPECT_EQ(marked(ColumnType::kTime, "{}").scalar, kArrivalUs);
  EXPECT_EQ(marked(ColumnType::kBigint, "\"yes\"").scalar, 1);
  EXPECT_EQ(marked(ColumnType::kNumeric, "\"yes\"").text, "1");
  EXPECT_EQ(marked(ColumnType::kBoolean, "\"yes\"").scalar, 1);
  EXPECT_EQ(marked(ColumnType::kBoolean, "false").scalar, 0);
  EXPECT_EQ(marked(ColumnType::kVarchar, "\"yes\"").text, "yes");
  EXPECT_TRUE(marked(ColumnType::kTimestamptz, "null").is_null());
  EXPECT_TRUE(marked(ColumnType::kTimestamptz, "NaN").is_null())
      << "Python writes missing values as NaN";
}

TEST_F(ValueCountsTest, DoesNotParseUnreadableRecords) {
  v1::RecordBatch batch;
  batch.set_first_offset(10);
  batch.set_jsonl("{\"id\":1}\n1,2,3,4\n{\"id\":2}\nx");
  for (const int64_t offset : {11, 13}) {
    v1::UnreadableRecord* const record = batch.add_unreadable();
    record->set_offset(offset);
    record->set_reason("FIELD_COUNT");
  }
  parser().Parse(&batch, kArrivalUs, &sink_);
  EXPECT_EQ(sink_.records.size(), 2u);
  EXPECT_THAT(sink_.rejects, IsEmpty());
  EXPECT_THAT(sink_.unreadable, ElementsAre("11 FIELD_COUNT 1,2,3,4", "13 FIELD_COUNT x"));
  sink_ = RecordCollector();
  sink_.unwanted = {10, 11};
  parser().Parse(&batch, kArrivalUs, &sink_);
  EXPECT_THAT(sink_.unreadable, ElementsAre("13 FIELD_COUNT x"));
}

}  // namespace
}  // namespace syncline::dataflow
