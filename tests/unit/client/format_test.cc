// What `load` finds out about text: format, dialect and columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/column_mapping.h"
#include "client/input_files.h"
#include "client/input_options.h"
#include "client/record_mapper.h"
#include "client/sources/foreign_format.h"
#include "client/sources/format_sniffer.h"
#include "client/sources/json_splitter.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "CSV ';'", "JSON lines", or the error.
std::string Find(const std::string& file, absl::string_view text, bool whole = true) {
  FormatHints hints;
  hints.file = file;
  const auto found = FindFormat(text, whole, hints);
  if (!found.ok()) return std::string(found.status().message());
  std::string result(FormatName(found->file));
  if (found->file != FileFormat::kCsv) return result;
  absl::StrAppend(
      &result, " ",
      found->dialect.delimiter == '\t' ? "tab" : std::string(1, found->dialect.delimiter));
  if (found->dialect.line_end == '\r') result += " CR";
  if (found->dialect.skip_lines > 0) absl::StrAppend(&result, " skip ", found->dialect.skip_lines);
  return result;
}

TEST(FindFormatTest, LooksAtTextAndName) {
  const struct {
    const char* file;
    const char* text;
    const char* found;
  } cases[] = {
      {"a.csv", "id,name\n1,Ann\n", "CSV ,"},
      {"a.csv", "id;name\n1;Ann\n", "CSV ;"},
      {"a.csv", "id;price\n1;3,14\n2;2,50\n", "CSV ;"},
      {"a.csv", "id|name\n1|Ann\n", "CSV |"},
      {"a.csv", "id\tname\n1\tAnn\n", "CSV tab"},
      {"a.csv", "id\n1\n", "CSV ,"},
      {"a.csv", "\"a;b\",c\n\"1;2\",3\n", "CSV ,"},
      {"a.csv", "a,b,c\n1,2\n1,2,3,4\n1,2,3\n", "CSV ,"},
      {"a.csv", "a;b;c\n\"x;y\";1;2\n", "CSV ;"},
      {"a.csv", "sep=;\nid;name\n", "CSV ; skip 1"},
      {"a.csv", "\"sep=|\"\r\nid|name\r\n", "CSV | skip 1"},
      {"a.csv", "sep=\t\r\nid\tname\r\n", "CSV tab skip 1"},
      {"a.csv", "id,name\r1,Ann\r2,Bob\r", "CSV , CR"},
      {"a.csv", "id,name\r\n1,Ann\r\n", "CSV ,"},
      {"a.csv", "id,\"na\rme\"\n1,Ann\n", "CSV ,"},
      {"a.csv", "", "CSV ,"},
      {"a.tsv", "id\tname\n1\tAnn\n", "CSV tab"},
      {"a.tsv", "id,a\tname,b\n1,2\t3,4\n", "CSV tab"},
      {"a.TSV.gz", "id\n1\n", "CSV tab"},
      {"a.tsv", "id,name\n1,Ann\n", "CSV ,"},
      {"-", "id,name\n1,Ann\n", "CSV ,"},
      {"export", "id;name\n1;Ann\n", "CSV ;"},
      {"-", "{\"id\":1}\n{\"id\":2}\n", "JSON lines"},
      {"a.csv", "{\"id\":1}\n{\"id\":2}\n", "JSON lines"},
      {"a.csv", "{id},name\n1,Ann\n", "CSV ,"},
      {"a.csv", "[id],name\n1,Ann\n", "CSV ,"},
      {"a.jsonl", "{\"id\":1", "JSON"},
      {"a.jsonl", "{\"id\":1\n{\"id\":2}\n", "JSON lines"},
      {"a.jsonl", "not json\n{\"id\":2}\n", "JSON lines"},
      {"a.json", "{\n \"id\": 1\n}\n{\n \"id\": 2\n}\n", "JSON"},
      {"a.json", "[{\"id\":1},\n{\"id\":2}]\n", "JSON"},
      {"-", " \n [\n]", "JSON"},
      {"-", "{\"id\":1}{\"id\":2}", "JSON"},
      {"a.json", "\x1E{\"id\":1}\n\x1E{\"id\":2}\n", "JSON"},
      {"-", "", "JSON lines"},
      {"-", "hello world\n",
       "cannot tell the format of text that begins with 'hello world'; name it with --format csv "
       "or "
       "--format jsonl"},
      {"a.txt", "one, two\nthree\nfour\nfive\n",
       "cannot tell the format of text that begins with 'one, two'; name it with --format csv or "
       "--format jsonl"},
  };
  for (const auto& c : cases) EXPECT_EQ(Find(c.file, c.text), c.found) << c.file << ": " << c.text;
}

TEST(FindFormatTest, ALongFirstLineIsOfTheNamedFormat) {
  const std::string start = "{\"text\":\"" + std::string(kFormatHeadBytes, 'x');
  EXPECT_EQ(Find("a.jsonl", start, /*whole=*/false), "JSON lines");
  EXPECT_EQ(Find("a.ndjson.gz", start, /*whole=*/false), "JSON lines");
  EXPECT_EQ(Find("a.json", start, /*whole=*/false), "JSON");
}

TEST(FindFormatTest, FlagsDecide) {
  FormatHints hints;
  hints.file = "a.json";
  hints.format = FileFormat::kCsv;
  hints.delimiter = '#';
  hints.skip_lines = 2;
  const auto found = FindFormat("{\"id\":1}\n", true, hints);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->file, FileFormat::kCsv);
  EXPECT_EQ(found->dialect.delimiter, '#');
  EXPECT_EQ(found->dialect.skip_lines, 2);
}

TEST(ForeignFormatTest, NamesTheFormatAndTheWayOut) {
  using Bytes = absl::string_view;
  const struct {
    const char* file;
    Bytes head;
    const char* words;
  } cases[] = {
      {"a.parquet", "PAR1\x15",
       "a Parquet file; load it with DuckDB: duckdb -json -c \"FROM 'a.parquet'\""},
      {"a.xlsx", Bytes("PK\x03\x04\0\0", 6), "an Excel file"},
      {"b.zip", Bytes("PK\x03\x04\0\0", 6), "unzip -p 'b.zip' NAME | syncline load -"},
      {"c.avro", Bytes("Obj\x01", 4), "read_avro('c.avro')"},
      {"d.db", Bytes("SQLite format 3\0", 16), "an SQLite database"},
      {"e.xls", "\xD0\xCF\x11\xE0", "Excel file of the old format"},
      {"f.lz4", Bytes("\x04\x22\x4D\x18", 4), "load it with lz4 -dc f.lz4 | syncline load -"},
      {"g.orc", Bytes("ORC\n\3\0", 6), "an ORC file"},
      {"h.csv", "<!DOCTYPE html>", "an HTML document"},
      {"i.bin", Bytes("\1\0\0\0\0\0\0\0\0\0\0\0", 12), "binary data"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(std::string(RefuseForeignFormat(c.head, c.file).message()), HasSubstr(c.words));
  }
  EXPECT_TRUE(RefuseForeignFormat("id,name\n", "a.csv").ok());
  EXPECT_TRUE(RefuseForeignFormat("ORCID,name\n", "a.csv").ok());
  EXPECT_TRUE(RefuseForeignFormat("", "a.csv").ok());
}

// Splits `text` in pieces; unreadable records are marked with '!', their lines are in brackets.
std::vector<std::string> Split(const std::string& text, size_t piece) {
  std::vector<std::string> records;
  JsonSplitter splitter;
  const auto take = [&records](const SourceRecord& record) {
    records.push_back(absl::StrCat("[", record.line_number, "]",
                                   record.unreadable.empty() ? "" : "!", record.line));
    return absl::OkStatus();
  };
  absl::Status status;
  for (size_t at = 0; at < text.size() && status.ok(); at += piece) {
    status = splitter.Feed(absl::string_view(text).substr(at, piece), take);
  }
  if (status.ok()) status = splitter.Finish(take);
  if (!status.ok()) records.push_back("error: " + std::string(status.message()));
  return records;
}

TEST(JsonSplitterTest, FindsRecordsInAnyPieces) {
  const std::string text =
      "[\n  {\"a\": \"x]}\\\"\\\\\",\n   \"b\": [1, {\"c\": \"[\"}]},\n{},[3],4 , \"s\\\"\"]\n"
      "{\"d\":1}{\"e\":\n2}\n[]\n7 8\n{\"f\":\"a\nb\"}";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{5}, text.size()}) {
    EXPECT_THAT(Split(text, piece),
                ElementsAre("[2]{\"a\": \"x]}\\\"\\\\\",    \"b\": [1, {\"c\": \"[\"}]}", "[4]{}",
                            "[4][3]", "[4]4", "[4]\"s\\\"\"", "[5]{\"d\":1}", "[5]{\"e\": 2}",
                            "[8]7", "[8]8", "[9]!{\"f\":\"a b\"}"))
        << piece;
  }
}

TEST(JsonSplitterTest, NamesFaultsByLine) {
  const auto fault = [](const std::string& text) { return Split(text, 3).back(); };
  EXPECT_THAT(fault("[{\"a\":1},\n{\"a\":2}"),
              "error: the input is cut: the array that begins on line 1 does not end");
  EXPECT_THAT(fault("{\"a\":1}\n{\"a\":"),
              "error: the input is cut: the record that begins on line 2 does not end");
  EXPECT_THAT(fault("[{} {}]"), HasSubstr("'{' on line 1; a comma must follow"));
  EXPECT_THAT(fault("{},\n{}"), HasSubstr("',' on line 1; put brackets around"));
  EXPECT_THAT(fault("[1,]"), HasSubstr("unexpected ']' on line 1"));
  EXPECT_THAT(fault("{}\n}"), HasSubstr("unexpected '}' on line 2"));
}

TEST(ColumnMappingTest, MakesSnakeCase) {
  const std::pair<const char*, const char*> cases[] = {
      {"First Name", "first_name"},
      {"firstName", "first_name"},
      {"HTTPServer", "http_server"},
      {"id", "id"},
      {"order-ID", "order_id"},
      {"  Total (EUR) ", "total_eur"},
      {"a1B2", "a1_b2"},
      {"größeMax", "größe_max"},
      {"_x", "x"},
      {"%", "%"},
  };
  for (const auto& [name, snake] : cases) EXPECT_EQ(SnakeCase(name), snake);
}

TEST(RecordMapperTest, RenamesAndSelects) {
  const auto mapping =
      ColumnMapping::Create({"id", "First Name"}, {{"id", "key"}}, NameStyle::kSnake);
  ASSERT_TRUE(mapping.ok());
  RecordMapper mapper(&*mapping);
  EXPECT_EQ(*mapper.Map(R"({"id":1.50,"x":{"id":2},"First Name":"\u00e4"})"),
            R"({"key":1.50,"first_name":"\u00e4"})");
  EXPECT_EQ(*mapper.Map(R"({"x":1})"), "{}");
  EXPECT_EQ(*mapper.Map("[1]"), "[1]");
  EXPECT_THAT(mapper.input_names(), ElementsAre("id", "x", "First Name"));
  EXPECT_THAT(std::string(mapping->CheckNames({"idd"}).message()), HasSubstr("no column"));
  const auto lower = ColumnMapping::Create({}, {}, NameStyle::kLower);
  RecordMapper collision(&*lower);
  EXPECT_THAT(std::string(collision.Map(R"({"A":1,"a":2})").status().message()),
              HasSubstr("the fields A and a would both become the column a"));
}

absl::StatusOr<InputOptions> Options(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"load", "f", "--table=t"});
  const Invocation invocation =
      ParseCommandLine(flags, [](const std::string&) { return std::nullopt; });
  if (invocation.verb == nullptr) return absl::InternalError(invocation.to_stderr);
  return MakeInputOptions(invocation.command_line);
}

TEST(InputOptionsTest, ReadsTheFlags) {
  const auto options =
      Options({"--delimiter=tab", "--quote=none", "--header=a,b", "--null=NA,NULL", "--skip=2",
               "--decimal_comma", "--types=zip:text,n:INT", "--rename=a:b", "--names=snake"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->hints.delimiter, '\t');
  EXPECT_EQ(options->hints.quote, std::nullopt);
  EXPECT_THAT(options->csv.names, ElementsAre("a", "b"));
  EXPECT_TRUE(options->csv.IsNull({"NA", false}));
  EXPECT_FALSE(options->csv.IsNull({"NA", true}));
  EXPECT_EQ(options->types.at("zip").postgres_type, "varchar");
  EXPECT_EQ(options->types.at("n").postgres_type, "bigint");
  EXPECT_EQ(options->mapping.Map("a"), "b");
  EXPECT_EQ(options->mapping.Map("Big Name"), "big_name");
  EXPECT_EQ(Options({})->digest, "");
  EXPECT_EQ(Options({"--names=exact", "--skip=0", "--decimal_comma=false"})->digest, "");
  // These words are usual values of other flags only.
  EXPECT_EQ(Options({"--null=0", "--select=exact"})->digest, " null=0 select=exact");
}

TEST(InputOptionsTest, RefusesBadValuesWithACure) {
  const struct {
    std::vector<std::string> flags;
    const char* words;
  } cases[] = {
      {{"--delimiter=;;"}, "one ASCII character or the word tab"},
      {{"--quote=é"}, "one ASCII character"},
      {{"--delimiter=x", "--quote=x"}, "must be different"},
      {{"--format=tsv", "--delimiter=;"}, "use --format csv"},
      {{"--format=jsonl", "--null=NA"}, "--null requires CSV"},
      {{"--format=jsonl", "--null=0"}, "--null requires CSV"},
      {{"--format=json", "--decimal_comma"}, "--decimal_comma requires CSV"},
      {{"--types=a:bigin"}, "did you mean bigint?"},
      {{"--types=a"}, "COLUMN:TYPE"},
      {{"--types=a:int,a:text"}, "twice"},
      {{"--types=a:int", "--schema=s.json"}, "change the schema file"},
      {{"--rename=a"}, "OLD:NEW"},
      {{"--rename=a:b,a:c"}, "twice"},
      {{"--select=a,a"}, "twice"},
      {{"--select=a", "--rename=b:c"}, "which --select leaves out"},
      {{"--header=a,a"}, "twice"},
  };
  for (const auto& c : cases) {
    const auto options = Options(c.flags);
    EXPECT_TRUE(IsUsageError(options.status())) << c.flags[0] << options.status();
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(c.words));
  }
}

TEST(InputFilesTest, RefusesStdinAmongFiles) {
  EXPECT_TRUE(IsUsageError(FindInputFiles({"a.csv", "-"}).status()));
  EXPECT_TRUE(IsUsageError(FindInputFiles({"a.csv", "./a.csv", "a.csv"}).status()));
  EXPECT_THAT(std::string(FindInputFiles({"/nowhere/*.csv"}).status().message()),
              HasSubstr("no file matches"));
  EXPECT_THAT(FindInputFiles({"-"})->files, ElementsAre("-"));
}

}  // namespace
}  // namespace syncline::client
