// Files as records: JSON lines, CSV, and the schema that is inferred from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/column_mapping.h"
#include "client/json_text.h"
#include "client/record_batch.h"
#include "client/schema_inference.h"
#include "client/sources/csv_source.h"
#include "client/sources/input_survey.h"
#include "client/sources/json_source.h"
#include "client/sources/jsonl_source.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;

// An unnamed file that contains `text` and is read from its start.
class TextFile {
 public:
  explicit TextFile(const std::string& text) : file_(std::tmpfile()) {
    std::fwrite(text.data(), 1, text.size(), file_);
    std::rewind(file_);
  }
  ~TextFile() { std::fclose(file_); }
  int fd() const { return fileno(file_); }

 private:
  std::FILE* const file_;
};

std::vector<std::string> Drain(RecordSource* source) {
  std::vector<std::string> records;
  while (true) {
    const auto event = source->Next(false, [&records](const SourceRecord& record) {
      records.emplace_back(record.line);
      return absl::OkStatus();
    });
    if (!event.ok()) records.push_back("error: " + std::string(event.status().message()));
    if (!event.ok() || *event == LineReader::Event::kEnd) return records;
  }
}

TEST(JsonlSourceTest, DropsBlankLinesOnly) {
  TextFile file("{\"a\":1}\n\n \t\r\n{\"a\":2}\r\nnot json\n{\"a\":3}");
  LineReader reader(file.fd());
  JsonlSource source(&reader);
  EXPECT_THAT(Drain(&source), ElementsAre("{\"a\":1}", "{\"a\":2}\r", "not json", "{\"a\":3}"));
}

TEST(JsonSourceTest, NamesAMissingColumnAtTheEnd) {
  const auto mapping = ColumnMapping::Create({"nmae"}, {}, NameStyle::kExact);
  ASSERT_TRUE(mapping.ok());
  const std::string error = "error: --select: the input has no column nmae (did you mean name?)";
  TextFile lines("{\"name\":1}\n");
  LineReader line_reader(lines.fd());
  JsonlSource jsonl(&line_reader, &*mapping);
  EXPECT_THAT(Drain(&jsonl), ElementsAre("{}", error));
  TextFile array("[{\"name\":1}]");
  LineReader array_reader(array.fd());
  JsonSource json(&array_reader, &*mapping);
  EXPECT_THAT(Drain(&json), ElementsAre("{}", error));
  TextFile empty("");
  LineReader empty_reader(empty.fd());
  JsonlSource nothing(&empty_reader, &*mapping);
  EXPECT_THAT(Drain(&nothing), testing::IsEmpty());
}

TEST(LineReaderTest, GrowsToALineLongerThanItsBuffer) {
  const std::string line(3 << 20, 'x');
  TextFile file("a\n" + line + "\nb\n");
  LineReader reader(file.fd());
  JsonlSource source(&reader);
  EXPECT_THAT(Drain(&source), ElementsAre("a", line, "b"));
}

TEST(LineReaderTest, PeeksAtCompleteLines) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  ASSERT_EQ(write(fds[1], "1\n22\n333\n4", 10), 10);
  close(fds[1]);
  LineReader reader(fds[0]);
  bool whole = true;
  EXPECT_EQ(*reader.Peek(2, 1 << 20, &whole), "1\n22\n");
  EXPECT_FALSE(whole);
  EXPECT_EQ(*reader.Peek(99, 1 << 20, &whole), "1\n22\n333\n4");
  EXPECT_TRUE(whole);
  EXPECT_EQ(*reader.Peek(99, 6, &whole), "1\n22\n");
  EXPECT_FALSE(whole);
  JsonlSource source(&reader);
  EXPECT_THAT(Drain(&source), ElementsAre("1", "22", "333", "4"));
  close(fds[0]);
}

// Parses `text` in pieces of `piece` bytes. Joins fields with '|'; quoted fields are in brackets.
std::vector<std::string> ParseCsv(const std::string& text, size_t piece) {
  std::vector<std::string> rows;
  const auto take = [&rows](const std::vector<CsvField>& fields) {
    std::string row;
    for (const CsvField& field : fields) {
      if (!row.empty()) row += "|";
      row += field.quoted ? "[" + std::string(field.text) + "]" : std::string(field.text);
    }
    rows.push_back(row);
    return absl::OkStatus();
  };
  CsvParser parser{CsvDialect()};
  absl::Status status;
  for (size_t at = 0; at < text.size() && status.ok(); at += piece) {
    status = parser.Feed(absl::string_view(text).substr(at, piece), take);
  }
  if (status.ok()) status = parser.Finish(take);
  if (!status.ok()) rows.push_back("error: " + std::string(status.message()));
  return rows;
}

TEST(CsvParserTest, ReadsSpecialFieldsInAnyPieces) {
  const std::string text =
      "a,b\r\n"
      "\"x,\"\"y\"\"\",\"two\r\nlines\"\r\n"
      "\r\n"
      "5\" pipe,\"tail\" text\n"
      "\"\",\n"
      "cr\rinside,\"ends\r\"\n"
      "last,\"row\"";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, text.size()}) {
    EXPECT_THAT(ParseCsv(text, piece),
                ElementsAre("a|b", "[x,\"y\"]|[two\r\nlines]", "5\" pipe|[tail text]", "[]|",
                            "cr\rinside|[ends\r]", "last|[row]"))
        << piece;
  }
}

TEST(CsvParserTest, ReportsTheStartOfAnOpenQuote) {
  EXPECT_THAT(
      ParseCsv("a,b\n1,2\n3,\"open\n4,5\n", 4),
      ElementsAre("a|b", "1|2",
                  "error: the quote opened on line 3 is never closed; if quotes are ordinary "
                  "text in this file, add --quote none"));
}

TEST(CsvParserTest, EndsTheRowAtTheEndOfInput) {
  EXPECT_THAT(ParseCsv("a,b\n1,", 100), ElementsAre("a|b", "1|"));
}

TEST(CsvSourceTest, WritesRecordsByTheColumnsTypes) {
  TextFile file(
      "id,price,ok,name,extra\n"
      "1,2.50,TRUE,\"say \"\"hi\"\"\n\",{\"a\": 1}\n"
      "007,abc,maybe,,\"\"\n"
      "only,two\n"
      "3,,,\t,plain\n");
  LineReader reader(file.fd());
  CsvSource source(&reader, CsvOptions(),
                   {{"id", InferredType::kInteger},
                    {"price", InferredType::kNumber},
                    {"ok", InferredType::kBoolean},
                    {"name", InferredType::kString},
                    {"extra", InferredType::kAny}});
  EXPECT_THAT(
      Drain(&source),
      ElementsAre(R"({"id":1,"price":2.50,"ok":true,"name":"say \"hi\"\n","extra":{"a": 1}})",
                  R"({"id":"007","price":"abc","ok":"maybe","extra":""})", R"(["only","two"])",
                  R"({"id":3,"name":"\t","extra":"plain"})"));
}

TEST(CsvSourceTest, RefusesAPointBesideDecimalCommas) {
  TextFile file("a;b;c\n3,14;-2;1.5\n1;1.234;x\n1.234,5;;\n+1.5 ;;\nn.a.;1e5;\n");
  LineReader reader(file.fd());
  CsvOptions options;
  options.dialect.delimiter = ';';
  options.decimal_comma = true;
  CsvSource source(&reader, options, {{"a", InferredType::kNumber}, {"b", InferredType::kInteger}});
  std::vector<std::string> records;
  absl::StatusOr<LineReader::Event> event = LineReader::Event::kLines;
  while (event.ok() && *event != LineReader::Event::kEnd) {
    event = source.Next(false, [&records](const SourceRecord& record) {
      records.push_back(absl::StrCat(record.unreadable, record.line));
      return absl::OkStatus();
    });
  }
  EXPECT_THAT(records, ElementsAre(R"({"a":3.14,"b":-2,"c":"1.5"})",
                                   R"(DECIMAL_POINT{"a":1,"b":"1.234","c":"x"})",
                                   R"(DECIMAL_POINT{"a":"1.234,5"})",
                                   R"(DECIMAL_POINT{"a":"+1.5 "})", R"({"a":"n.a.","b":1e5})"));
}

TEST(CsvSourceTest, NamesRowsWithAnotherNumberOfFields) {
  TextFile file("a,b\n1,2\n\n\"two\nlines\",3\n4\n5,6,7\n8,9");
  LineReader reader(file.fd());
  CsvSource source(&reader, CsvOptions(), {});
  std::vector<std::string> records;
  absl::StatusOr<LineReader::Event> event = LineReader::Event::kLines;
  while (event.ok() && *event != LineReader::Event::kEnd) {
    event = source.Next(false, [&records](const SourceRecord& record) {
      records.push_back(absl::StrCat(record.line_number, " ", record.unreadable));
      return absl::OkStatus();
    });
  }
  EXPECT_THAT(records, ElementsAre("2 ", "4 ", "6 FIELD_COUNT", "7 FIELD_COUNT", "8 "));
}

TEST(JsonlSourceTest, NumbersLinesAndDetectsATruncatedOne) {
  for (const auto& [text, cut] : std::vector<std::pair<std::string, bool>>{
           {"{}\n\n{\"a\":1}", false}, {"{}\n\n{\"a\":", true}, {"{}\n\n{\"a\":\n", false}}) {
    TextFile file(text);
    LineReader reader(file.fd());
    JsonlSource source(&reader);
    int64_t last = 0;
    absl::StatusOr<LineReader::Event> event = LineReader::Event::kLines;
    while (event.ok() && *event != LineReader::Event::kEnd) {
      event = source.Next(false, [&last](const SourceRecord& record) {
        last = record.line_number;
        return absl::OkStatus();
      });
    }
    EXPECT_EQ(last, 3);
    EXPECT_EQ(source.ends_inside_record(), cut) << text;
  }
}

TEST(CsvSourceTest, RefusesDuplicateColumns) {
  TextFile file("a,a\n1,2\n");
  LineReader reader(file.fd());
  CsvSource source(&reader, CsvOptions(), {});
  EXPECT_THAT(
      Drain(&source),
      ElementsAre("error: the header names the column a twice; give the columns other names "
                  "with --skip 1 --header NAME,..."));
}

InferredType InferOne(const std::vector<std::string>& values) {
  SchemaInference inference;
  for (const std::string& value : values) {
    inference.AddLine("{\"v\":" + value + "}");
  }
  return inference.columns()[0].second;
}

TEST(SchemaInferenceTest, InfersTypesAndWidensConflicts) {
  EXPECT_EQ(InferOne({"1", "null", "-2"}), InferredType::kInteger);
  EXPECT_EQ(InferOne({"1", "2.5"}), InferredType::kNumber);
  EXPECT_EQ(InferOne({"9223372036854775808"}), InferredType::kNumber);
  EXPECT_EQ(InferOne({"true", "1"}), InferredType::kString);
  EXPECT_EQ(InferOne({"\"2024-02-29\""}), InferredType::kDate);
  EXPECT_EQ(InferOne({"\"2023-02-29\""}), InferredType::kString);
  EXPECT_EQ(InferOne({"\"2024-01-31T10:00:00.123Z\"", "\"2024-01-31 10:00:00+01:00\""}),
            InferredType::kTimestampTz);
  EXPECT_EQ(InferOne({"\"2024-01-31T10:00:00\""}), InferredType::kTimestamp);
  EXPECT_EQ(InferOne({"\"2024-01-31\"", "\"2024-01-31T10:00:00Z\""}), InferredType::kString);
  EXPECT_EQ(InferOne({"{}", "null"}), InferredType::kObject);
  EXPECT_EQ(InferOne({"[]", "{}"}), InferredType::kAny);
  EXPECT_EQ(InferOne({"[]", "1"}), InferredType::kAny);
  EXPECT_EQ(InferOne({"null"}), InferredType::kNone);
}

TEST(SchemaInferenceTest, KeepsColumnsInOrderOfAppearance) {
  SchemaInference inference;
  EXPECT_TRUE(inference.AddLine(R"({"z":1,"a":null})"));
  EXPECT_TRUE(inference.AddLine(R"({"a":"x","q\"uote":true})"));
  EXPECT_EQ(inference.JsonSchema(),
            R"({"type":"object","properties":{"z":{"type":["null","integer"]},)"
            R"("a":{"type":["null","string"]},"q\"uote":{"type":["null","boolean"]}}})");
}

TEST(SchemaInferenceTest, APointMayGroupDigits) {
  InputFormat format;
  format.file = FileFormat::kCsv;
  format.csv.dialect.delimiter = ';';
  format.csv.decimal_comma = true;
  const auto survey = SurveyHead("a;b;c\n1.234;3,14;7\n5;-2;8\n", true, format, 10);
  ASSERT_TRUE(survey.ok()) << survey.status();
  using Column = std::pair<std::string, InferredType>;
  EXPECT_THAT(survey->inference.columns(),
              ElementsAre(Column{"a", InferredType::kString}, Column{"b", InferredType::kNumber},
                          Column{"c", InferredType::kInteger}));
}

TEST(SchemaInferenceTest, ReadsCsvColumnsOfATruncatedSample) {
  InputFormat format;
  format.file = FileFormat::kCsv;
  const auto survey =
      SurveyHead("id,n,when,\n1,007,2024-01-01,\n2,8,2024-01-02,\n\"cut", false, format, 1000);
  ASSERT_TRUE(survey.ok()) << survey.status();
  EXPECT_THAT(survey->inference.columns(),
              ElementsAre(std::make_pair("id", InferredType::kInteger),
                          std::make_pair("n", InferredType::kString),
                          std::make_pair("when", InferredType::kDate),
                          std::make_pair("column_4", InferredType::kNone)));
}

TEST(RecordBatchTest, CutsOversizedRecords) {
  v1::Limits limits;
  limits.set_max_record_bytes(10);
  limits.set_recommended_batch_bytes(20);
  limits.set_max_message_bytes(1000);
  RecordBatchBuilder builder(RecordBatchBuilder::Payload::kJsonl, limits);
  EXPECT_TRUE(builder.HasRoomFor(500));
  builder.Append(std::string(500, 'x'));
  builder.Append("{}");
  EXPECT_TRUE(builder.HasRoomFor(4));
  EXPECT_FALSE(builder.HasRoomFor(5));
  EXPECT_EQ(builder.records(), 2);
  EXPECT_EQ(builder.Take()->batch().jsonl(), std::string(11, 'x') + "\n{}\n");
  EXPECT_TRUE(builder.empty());
}

TEST(JsonTextTest, SkipsAnyNestingAndRefusesInvalidJson) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_TRUE(ParseJson(deep).has_value());
  for (const char* const bad : {"", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "01", "1.", "nul", "\"a",
                                "[}", "1 2", "{\"a\":1,}", "+1", "\"\n\""}) {
    EXPECT_FALSE(ParseJson(bad).has_value()) << bad;
  }
  EXPECT_EQ(UnescapeJson(*ParseJson(R"("\u00e4\ud83d\ude00\ud800\n\/")")), "ä😀\xEF\xBF\xBD\n/");
}

}  // namespace
}  // namespace syncline::client
