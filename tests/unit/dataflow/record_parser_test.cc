#include "server/dataflow/parse/record_parser.h"

#include <simdjson.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_seed.h"
#include "tests/support/record_collector.h"

namespace syncline::dataflow {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kArrivalUs = 12345;
constexpr char kNoChanges[] = R"({"sync_id":7,"changes":[]})";

TableSchema Schema() {
  TableSchema schema;
  schema.columns = {
      {"id", "id", ColumnType::kBigint},        {"name", "name", ColumnType::kVarchar},
      {"price", "price", ColumnType::kNumeric}, {"ok", "ok", ColumnType::kBoolean},
      {"data", "data", ColumnType::kJsonb},
  };
  return schema;
}

// Describes the record as text: its values, or the reason why it was rejected.
std::string Describe(const KeptRecord& record) {
  return absl::StrJoin(record.values, "|", [](std::string* out, const KeptValue& value) {
    if (value.is_null()) {
      absl::StrAppend(out, "-");
    } else if (value.kind == Value::Kind::kScalar) {
      absl::StrAppend(out, value.scalar);
    } else {
      absl::StrAppend(out, value.text);
    }
  });
}

class RecordParserTest : public ::testing::Test {
 protected:
  RecordParserTest() { options_.sync_id_number = 7; }

  void Parse(v1::RecordBatch batch) {
    RecordParser parser(schema_, options_);
    parser.Parse(&batch, kArrivalUs, &sink_);
  }
  void ParseJsonl(const std::string& lines) {
    v1::RecordBatch batch;
    batch.set_jsonl(lines);
    Parse(std::move(batch));
  }
  // Parses one line of the given format and describes the result.
  std::string Line(const std::string& line, bool airbyte = false) {
    sink_ = RecordCollector();
    v1::RecordBatch batch;
    if (airbyte) {
      batch.set_airbyte_jsonl(line);
    } else {
      batch.set_jsonl(line);
    }
    Parse(std::move(batch));
    EXPECT_EQ(sink_.records.size() + sink_.rejects.size(), 1u) << line;
    if (!sink_.rejects.empty()) {
      EXPECT_EQ(sink_.rejects[0].raw, line);
      return std::string(RejectReasonName(sink_.rejects[0].reason));
    }
    return sink_.records.empty() ? "" : Describe(sink_.records[0]);
  }
  std::string Message(const std::string& line) { return Line(line, true); }

  TableSchema schema_ = Schema();
  RecordParserOptions options_;
  RecordCollector sink_;
};

TEST_F(RecordParserTest, ReadsFieldsInAnyOrder) {
  EXPECT_EQ(Line(R"({"id":1,"name":"a","price":1.50,"ok":true,"data":{"x":[1]}})"),
            R"(1|a|1.50|1|{"x":[1]})");
  EXPECT_EQ(Line(R"({"data":[ ],"ok":false,"price":"2","name":"","id":"3"})"), "3||2|0|[ ]");
  EXPECT_EQ(Line(R"( { "id" : 1 , "name" : "b" } )"), "1|b|-|-|-");
  EXPECT_EQ(Line("{\"id\":1}\r"), "1|-|-|-|-");
  EXPECT_EQ(Line("{}"), "-|-|-|-|-");
  EXPECT_EQ(Line(R"({"id":null,"name":null,"data":null})"), "-|-|-|-|-");
}

TEST_F(RecordParserTest, LastOfDuplicateKeysWins) {
  EXPECT_EQ(Line(R"({"id":1,"id":2,"name":"x","id":3})"), "3|x|-|-|-");
  EXPECT_EQ(Line(R"({"id":1,"id":null})"), "-|-|-|-|-");
  EXPECT_EQ(Line(R"({"id":01,"id":2})"), "INVALID_JSON");
  EXPECT_EQ(Line(R"({"name":"\x","name":"fine"})"), "INVALID_JSON");
}

TEST_F(RecordParserTest, UnescapesKeys) {
  EXPECT_EQ(Line(R"({"\u0069d":1,"n\u0061me":"x"})"), "1|x|-|-|-");
  EXPECT_EQ(Line(R"({"i\d":1})"), "INVALID_JSON");
  schema_.columns = {{"a\"b", "a_b", ColumnType::kBigint},
                     {"c\\d", "c_d", ColumnType::kBigint},
                     {"é", "e", ColumnType::kBigint},
                     {"", "empty", ColumnType::kBigint}};
  EXPECT_EQ(Line(R"({"a\"b":1,"c\\d":2,"\u00e9":3,"":4})"), "1|2|3|4");
  EXPECT_EQ(Line(R"({"é":3,"a\u0022b":1})"), "1|-|3|-");
}

TEST_F(RecordParserTest, DropsUndeclaredFieldsButChecksThem) {
  EXPECT_EQ(Line(R"({"x":{"id":9},"id":1,"y":[{}],"z":"\ud83d"})"), "1|-|-|-|-");
  EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  for (const char* bad : {"tru", "[1,]", "{\"a\"}", "\"\\q\"", "01", "[1}", "", ":", "1 2"}) {
    EXPECT_EQ(Line(absl::StrCat("{\"id\":1,\"x\":", bad, "}")), "INVALID_JSON") << bad;
    EXPECT_EQ(Line(absl::StrCat("{\"id\":1,\"data\":", bad, "}")), "INVALID_JSON") << bad;
  }
}

TEST_F(RecordParserTest, NamesTheReasonOfRejectedLines) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\n", "INVALID_JSON"},
      {" \r", "INVALID_JSON"},
      {"x", "INVALID_JSON"},
      {"{", "INVALID_JSON"},
      {"{\"id\":1", "INVALID_JSON"},
      {"{\"id\":1,}", "INVALID_JSON"},
      {"{\"id\":1}}", "INVALID_JSON"},
      {"{\"id\":1} x", "INVALID_JSON"},
      {"{\"id\":1}{\"id\":2}", "INVALID_JSON"},
      {"{\"id\" 1}", "INVALID_JSON"},
      {"{\"id\":\"1\":2}", "INVALID_JSON"},
      {"{id:1}", "INVALID_JSON"},
      {std::string("{\"id\":1}\0", 9), "INVALID_JSON"},
      {std::string("{\"name\":\"a\0\"}", 13), "INVALID_JSON"},
      {"{\"name\":\"a\tb\"}", "INVALID_JSON"},
      {"[1,", "INVALID_JSON"},
      {"[1]", "NOT_AN_OBJECT"},
      {"null", "NOT_AN_OBJECT"},
      {" \"text\" ", "NOT_AN_OBJECT"},
      {"{\"name\":\"\xff\"}", "INVALID_UTF8"},
      {"{\"name\":\"\xc0\xaf\"}", "INVALID_UTF8"},
      {"{\"name\":\"\xed\xa0\x80\"}", "INVALID_UTF8"},
      {"{\"other\":\"\xe2\x82\"}", "INVALID_UTF8"},
      {"[\"\xff\"]", "INVALID_UTF8"},
  };
  for (const auto& [line, reason] : cases) {
    sink_ = RecordCollector();
    ParseJsonl(line);
    ASSERT_EQ(sink_.rejects.size(), 1u) << line;
    EXPECT_EQ(RejectReasonName(sink_.rejects[0].reason), reason) << line;
  }
}

TEST_F(RecordParserTest, NullsOrRejectsDeepNesting) {
  const auto line = [](const char* field, size_t depth) {
    return absl::StrCat("{\"id\":1,\"", field, "\":", std::string(depth, '['),
                        std::string(depth, ']'), "}");
  };
  EXPECT_EQ(Line(line("data", 512)), "1|-|-|-|" + std::string(512, '[') + std::string(512, ']'));
  EXPECT_EQ(Line(line("data", 513)), "1|-|-|-|-");
  EXPECT_THAT(sink_.records[0].meta_json,
              ::testing::HasSubstr("DESTINATION_FIELD_SIZE_LIMITATION"));
  EXPECT_EQ(Line(line("other", 1000)), "1|-|-|-|-");
  EXPECT_EQ(Line(line("data", 10000)), "TOO_DEEP");
  EXPECT_EQ(Line(line("other", 10000)), "TOO_DEEP");
  EXPECT_EQ(Line(std::string(10000, '[') + std::string(10000, ']')), "TOO_DEEP");
  EXPECT_EQ(Line("{\"id\":" + std::string(10000, '[')), "INVALID_JSON");
}

TEST_F(RecordParserTest, RejectsOnlyTheBadRecords) {
  options_.max_record_bytes = 100;
  const std::string large = "{\"name\":\"" + std::string(100, 'x') + "\"}";
  ParseJsonl("{\"id\":0}\n{bad\n{\"id\":2}\n\n{\"name\":\"\xff\"}\n" + large + "\n{\"id\":6}");
  std::vector<std::string> got;
  for (const KeptRecord& record : sink_.records) {
    got.push_back(absl::StrCat(record.offset, ":", Describe(record)));
  }
  EXPECT_THAT(got, ElementsAre("0:0|-|-|-|-", "2:2|-|-|-|-", "6:6|-|-|-|-"));
  got.clear();
  for (const KeptReject& reject : sink_.rejects) {
    got.push_back(
        absl::StrCat(reject.offset, ":", RejectReasonName(reject.reason), ":", reject.raw.size()));
  }
  EXPECT_THAT(got, ElementsAre("1:INVALID_JSON:4", "3:INVALID_JSON:0", "4:INVALID_UTF8:12",
                               "5:RECORD_TOO_LARGE:111"));
}

TEST_F(RecordParserTest, SkipsUnwantedOffsetsWithoutParsing) {
  v1::RecordBatch batch;
  batch.set_first_offset(100);
  batch.set_jsonl("{bad\n{\"id\":1}\n{\"id\":2}\n");
  sink_.unwanted = {100, 102};
  Parse(std::move(batch));
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].offset, 101);
  EXPECT_TRUE(sink_.rejects.empty());
}

TEST_F(RecordParserTest, BatchKeepsItsBuffer) {
  const std::string lines = "{\"id\":1}\n{\"id\":2}";
  v1::RecordBatch batch;
  batch.set_jsonl(lines);
  RecordParser parser(schema_, options_);
  parser.Parse(&batch, 0, &sink_);
  EXPECT_EQ(batch.jsonl(), lines);
}

TEST_F(RecordParserTest, NotesChanges) {
  EXPECT_EQ(Line(R"({"id":"x","name":"a\u0000","price":1e200000,"ok":1,"data":1e-16384})"),
            "-|a|-|-|-");
  EXPECT_EQ(sink_.records[0].meta_json,
            R"({"sync_id":7,"changes":[)"
            R"({"field":"id","change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"},)"
            R"({"field":"name","change":"TRUNCATED","reason":"DESTINATION_SERIALIZATION_ERROR"},)"
            R"({"field":"price","change":"NULLED","reason":"DESTINATION_FIELD_SIZE_LIMITATION"},)"
            R"({"field":"ok","change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"},)"
            R"({"field":"data","change":"NULLED","reason":"DESTINATION_FIELD_SIZE_LIMITATION"}]})");
  EXPECT_EQ(Line(R"({"price":1e-16384})"), "-|-|0|-|-");
  EXPECT_EQ(
      sink_.records[0].meta_json,
      R"({"sync_id":7,"changes":[)"
      R"({"field":"price","change":"TRUNCATED","reason":"DESTINATION_FIELD_SIZE_LIMITATION"}]})");
  schema_.columns = {{"a\"\n", "a", ColumnType::kBigint}};
  EXPECT_EQ(Line(R"({"a\"\n":true})"), "-");
  EXPECT_EQ(sink_.records[0].meta_json,
            R"({"sync_id":7,"changes":[{"field":"a\"\u000a","change":"NULLED",)"
            R"("reason":"DESTINATION_SERIALIZATION_ERROR"}]})");
}

TEST_F(RecordParserTest, ReadsAirbyteMessagesInAnyOrder) {
  const std::string expected = "1|x|-|-|-";
  const int64_t at = (1700000000123 - 946684800000) * 1000;
  for (
      const char* line :
      {R"({"type":"RECORD","record":{"stream":"s","namespace":"n","data":{"id":1,"name":"x"},"emitted_at":1700000000123}})",
       R"({"record":{"emitted_at":1700000000123,"data":{"id":1,"name":"x"},"stream":"s"},"type":"RECORD"})",
       R"({"x":{"data":{}},"record":{"emitted_at":1.700000000123e12,"x":[1],"data":{"id":1,"name":"x"}},"type":"\u0052ECORD"})",
       R"({"type":"RECORD","record":{"data":{"id":9,"ok":true},"data":{"id":1,"name":"x"},"emitted_at":1700000000123}})"}) {
    EXPECT_EQ(Message(line), expected) << line;
    ASSERT_EQ(sink_.records.size(), 1u) << line;
    EXPECT_EQ(sink_.records[0].extracted_at_us, at) << line;
    EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  }
}

TEST_F(RecordParserTest, LastOfEqualMessageFieldsWins) {
  EXPECT_EQ(
      Message(R"({"type":"RECORD","record":{"data":{"id":1},"data":null,"data":{"name":"x"}}})"),
      "-|x|-|-|-")
      << "nothing remains of data that a later null replaced";
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{"id":1}},"record":null})"),
            "NOT_A_RECORD");
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{"id":1},"emitted_at":5,)"
                    R"("meta":{"changes":[{}]}},"record":{"data":{"name":"x"}}})"),
            "-|x|-|-|-");
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].extracted_at_us, kArrivalUs);
  EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  EXPECT_EQ(
      Message(
          R"({"type":"RECORD","record":{"meta":{"changes":[{}]},"meta":null,"data":{"id":1}}})"),
      "1|-|-|-|-");
  EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{"id":tru}},"record":{"data":{}}})"),
            "INVALID_JSON")
      << "replaced data must also be JSON";
}

TEST_F(RecordParserTest, UnreadableEmittedAtBecomesTheArrivalTime) {
  for (const char* at : {"\"1700000000123\"", "null", "1.5", "true", "9223372036854775807", "{}"}) {
    EXPECT_EQ(
        Message(absl::StrCat(R"({"type":"RECORD","record":{"data":{},"emitted_at":)", at, "}}")),
        "-|-|-|-|-");
    ASSERT_EQ(sink_.records.size(), 1u);
    EXPECT_EQ(sink_.records[0].extracted_at_us, kArrivalUs) << at;
  }
}

TEST_F(RecordParserTest, RejectsMessagesThatAreNotRecords) {
  for (const char* line :
       {R"({"type":"STATE","state":{"data":{"id":1}}})", R"({"type":"RECORD"})",
        R"({"type":"RECORD","record":{}})", R"({"type":"RECORD","record":null})",
        R"({"record":{"data":{"id":1}}})", R"({"type":"RECORD","record":{"data":[]}})",
        R"({"type":1,"record":{"data":{}}})", R"({"id":1})", "{}"}) {
    EXPECT_EQ(Message(line), "NOT_A_RECORD") << line;
  }
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{"id":tru}}})"), "INVALID_JSON");
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{}}}})"), "INVALID_JSON");
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"data":{},"emitted_at":01}})"), "INVALID_JSON");
  EXPECT_EQ(Message("[]"), "NOT_AN_OBJECT");
}

TEST_F(RecordParserTest, SourceChangesComeFirst) {
  EXPECT_EQ(
      Message(
          R"({"type":"RECORD","record":{"meta":{"x":1,"changes":[ {"field":"f","change":"NULLED",)"
          R"("reason":"SOURCE_RETRIEVAL_ERROR\u0000"} ]},"data":{"id":"x"}}})"),
      "-|-|-|-|-");
  EXPECT_EQ(
      sink_.records[0].meta_json,
      R"({"sync_id":7,"changes":[{"field":"f","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"},)"
      R"({"field":"id","change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"}]})");
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"meta":{"changes":[ ]},"data":{}}})"),
            "-|-|-|-|-");
  EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"meta":{"changes":"none"},"data":{}}})"),
            "-|-|-|-|-");
  EXPECT_EQ(sink_.records[0].meta_json, kNoChanges);
  EXPECT_EQ(Message(R"({"type":"RECORD","record":{"meta":{"changes":[1,]},"data":{}}})"),
            "INVALID_JSON");
}

TEST_F(RecordParserTest, EmittedAtOfABatch) {
  v1::RecordBatch batch;
  batch.set_jsonl("{}");
  batch.set_emitted_at_ms(946684800001);
  Parse(batch);
  batch.set_emitted_at_ms(std::numeric_limits<int64_t>::max());
  Parse(batch);
  batch.set_emitted_at_ms(std::numeric_limits<int64_t>::min());
  Parse(batch);
  ASSERT_EQ(sink_.records.size(), 3u);
  EXPECT_EQ(sink_.records[0].extracted_at_us, 1000);
  EXPECT_EQ(sink_.records[1].extracted_at_us, kArrivalUs);
  EXPECT_EQ(sink_.records[2].extracted_at_us, kArrivalUs);
}

TEST_F(RecordParserTest, KeysMustExistAndFitAnIndex) {
  schema_.primary_key = {"id", "name"};
  EXPECT_EQ(Line(R"({"id":1})"), "1|-|-|-|-") << "keys matter only when required";
  options_.require_key = true;
  EXPECT_EQ(Line(R"({"id":1,"name":"x"})"), "1|x|-|-|-");
  EXPECT_EQ(Line(R"({"id":1})"), "1|-|-|-|-") << "a part of a composite key may be null";
  EXPECT_EQ(Line(R"({"name":null})"), "MISSING_KEY");
  EXPECT_EQ(Line(R"({"id":null,"price":1})"), "MISSING_KEY");
  EXPECT_EQ(Line(R"({"id":"abc","name":"x"})"), "KEY_CHANGED");
  EXPECT_EQ(Line(absl::StrCat(R"({"id":1,"name":")", std::string(2592, 'k'), "\"}")).substr(0, 4),
            "1|kk");
  EXPECT_EQ(Line(absl::StrCat(R"({"id":1,"name":")", std::string(2593, 'k'), "\"}")),
            "KEY_TOO_LARGE");
  options_.require_key = false;
  schema_.columns[3].nullable = false;
  EXPECT_EQ(Line(R"({"ok":false})"), "-|-|-|0|-");
  EXPECT_EQ(Line(R"({"ok":"no"})"), "MISSING_KEY");
}

TEST_F(RecordParserTest, RowsMustFitAPage) {
  schema_.columns.clear();
  std::vector<std::string> fields;
  for (int i = 0; i < 1500; ++i) {
    const std::string name = absl::StrCat("c", i);
    schema_.columns.push_back({name, name, ColumnType::kBigint});
    fields.push_back(absl::StrCat("\"", name, "\":", i));
  }
  EXPECT_EQ(Line("{" + absl::StrJoin(fields, ",") + "}"), "ROW_TOO_WIDE");
  fields.resize(900);
  Line("{" + absl::StrJoin(fields, ",") + "}");
  EXPECT_EQ(sink_.records.size(), 1u);
}

TEST_F(RecordParserTest, CountsRecords) {
  const auto count = [](const std::string& lines, bool airbyte) {
    v1::RecordBatch batch;
    if (airbyte) {
      batch.set_airbyte_jsonl(lines);
    } else {
      batch.set_jsonl(lines);
    }
    return RecordParser::CountRecords(batch).value();
  };
  for (const bool airbyte : {false, true}) {
    EXPECT_EQ(count("", airbyte), 0);
    EXPECT_EQ(count("{}", airbyte), 1);
    EXPECT_EQ(count("{}\n", airbyte), 1);
    EXPECT_EQ(count("{}\n\n{}", airbyte), 3);
    EXPECT_EQ(count("\n", airbyte), 1);
  }
  EXPECT_EQ(RecordParser::CountRecords(v1::RecordBatch()).value(), 0);
}

TEST_F(RecordParserTest, LongLinesDoNotDisturbLaterOnes) {
  const std::string text(3 << 20, 'x');
  ParseJsonl("{\"id\":1,\"name\":\"" + text + "\\n\"}\n{\"id\":2}\n");
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(sink_.records[0].values[1].text, text + "\n");
  EXPECT_EQ(Describe(sink_.records[1]), "2|-|-|-|-");
}

// Changes a few bytes of a line.
std::string Mutate(std::string line, std::mt19937* random) {
  static const std::string kBytes = "{}[],:\"\\ue0123456789.+-truefalsn \t\r/bd";
  const auto pick = [random](size_t bound) { return (*random)() % bound; };
  for (size_t changes = pick(4); changes > 0 && !line.empty(); --changes) {
    const size_t at = pick(line.size());
    const char byte = kBytes[pick(kBytes.size())];
    switch (pick(4)) {
      case 0:
        line[at] = byte;
        break;
      case 1:
        line.insert(at, 1, byte);
        break;
      case 2:
        line.erase(at, 1);
        break;
      default:
        line.insert(pick(line.size()), line.substr(at, pick(8)));
        break;
    }
  }
  return line;
}

TEST_F(RecordParserTest, AcceptsExactlyJsonObjects) {
  const std::vector<std::string> seeds = {
      R"({"id":12,"name":"Jo \"x\" \u00e9","price":-1.5e3,"ok":true,"data":{"a":[1,{"b":null}]}})",
      R"({"other":[[],{}],"id":"7","name":"n","other":"\u0041","ok":false})",
      R"({ "data" : "text" , "x" : { "y" : [ 1 , 2 ] } , "id" : null })",
      R"({"":0,"id":1,"id":2})",
      R"([{"id":1}])",
  };
  std::mt19937 random(RandomSeed());
  simdjson::dom::parser reference;
  std::vector<std::string> lines;
  for (int i = 0; i < 100000; ++i) lines.push_back(Mutate(seeds[random() % seeds.size()], &random));
  ParseJsonl(absl::StrJoin(lines, "\n") + "\n");
  ASSERT_EQ(sink_.records.size() + sink_.rejects.size(), lines.size());
  size_t next_reject = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool rejected = next_reject < sink_.rejects.size() &&
                          sink_.rejects[next_reject].offset == static_cast<int64_t>(i);
    simdjson::dom::element element;
    const auto error = reference.parse(lines[i]).get(element);
    const bool object = !error && element.is_object();
    if (object) {
      ASSERT_FALSE(rejected) << lines[i];
    } else if (!rejected) {
      // simdjson accepts neither lone surrogates nor numbers beyond doubles and 64 bits.
      const bool lenient =
          (error == simdjson::NUMBER_ERROR && lines[i].find_first_of("eE") != std::string::npos) ||
          (error == simdjson::STRING_ERROR && lines[i].find("\\u") != std::string::npos);
      ASSERT_TRUE(lenient) << lines[i] << ": " << simdjson::error_message(error);
    }
    if (rejected) ++next_reject;
  }
  EXPECT_GT(sink_.records.size(), 10000u);
  EXPECT_GT(sink_.rejects.size(), 10000u);
}

TEST_F(RecordParserTest, MutatedMessagesDoNotAffectOtherRecords) {
  const std::string seed =
      R"({"type":"RECORD","record":{"stream":"s","data":{"id":1,"data":{"a":[1]}},"emitted_at":17,)"
      R"("meta":{"changes":[{"field":"f"}]}}})";
  std::mt19937 random(RandomSeed());
  simdjson::dom::parser reference;
  for (int i = 0; i < 20000; ++i) {
    const std::string line = Mutate(seed, &random);
    sink_ = RecordCollector();
    v1::RecordBatch batch;
    batch.set_airbyte_jsonl(line + "\n" + seed);
    Parse(std::move(batch));
    ASSERT_EQ(sink_.records.size() + sink_.rejects.size(), 2u) << line;
    ASSERT_FALSE(sink_.records.empty()) << line;
    ASSERT_EQ(sink_.records.back().offset, 1) << line;
    for (const KeptRecord& record : sink_.records) {
      ASSERT_EQ(reference.parse(record.meta_json).error(), simdjson::SUCCESS) << record.meta_json;
    }
    const auto error = reference.parse(line).error();
    if (sink_.records.size() == 2 && error) {
      ASSERT_TRUE(error == simdjson::NUMBER_ERROR)
          << line << ": " << simdjson::error_message(error);
    }
  }
}

}  // namespace
}  // namespace syncline::dataflow
