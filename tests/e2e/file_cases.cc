#include "tests/e2e/file_cases.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/compressed_data.h"

namespace syncline::testing {
namespace {

using client::Compression;

constexpr char kCsv[] = "id,name\n1,Ann\n2,Bob\n";
constexpr char kSemicolons[] = "id;name\n1;Ann\n2;Bob\n";
constexpr char kJsonLines[] = "{\"id\":1,\"name\":\"Ann\"}\n{\"id\":2,\"name\":\"Bob\"}\n";
constexpr char kArray[] = "[{\"id\":1,\"name\":\"Ann\"},\n{\"id\":2,\"name\":\"Bob\"}]\n";

// The rows of the texts above.
std::vector<std::string> People() {
  return {R"({"id": 1, "name": "Ann"})", R"({"id": 2, "name": "Bob"})"};
}

// A file that is refused: nothing is loaded.
FileCase Refused(const std::string& name, const std::string& content,
                 const std::vector<std::string>& words, const std::vector<std::string>& flags = {},
                 int exit_code = 1) {
  return {name, content, {}, words, flags, exit_code};
}

std::string Utf16(absl::string_view text, bool big_endian) {
  std::string wide;
  for (const char c : text) {
    if (big_endian) wide.push_back('\0');
    wide.push_back(c);
    if (!big_endian) wide.push_back('\0');
  }
  return wide;
}

}  // namespace

std::vector<FileCase> CsvFiles() {
  return {
      {"plain.csv", kCsv, People(), {"CSV, ',', 2 columns: id bigint, name varchar"}},
      {"crlf.csv", "id,name\r\n1,Ann\r\n2,Bob\r\n", People()},
      {"cr.csv", "id,name\r1,Ann\r2,Bob\r", People(), {"lines end with CR"}},
      {"no_last_line_end.csv", "id,name\n1,Ann\n2,Bob", People()},
      {"blank_lines.csv", "\nid,name\n\n1,Ann\n\n\n2,Bob\n\n", People()},
      {"semicolon.csv", kSemicolons, People(), {"CSV, ';'"}},
      {"pipe.csv", "id|name\n1|Ann\n2|Bob\n", People(), {"'|'"}},
      {"tab.csv", "id\tname\n1\tAnn\n2\tBob\n", People(), {"tab"}},
      {"tab.tsv", "id\tname\n1\tAnn\n2\tBob\n", People()},
      {"stated.csv", "sep=;\nid;name\n1;Ann\n2;Bob\n", People(), {"1 line skipped"}},
      {"stated_by_excel.csv", "sep=\t\r\nid\tname\r\n1\tAnn\r\n2\tBob\r\n", People()},
      {"quoted.csv", "\"id\",\"name\"\n\"1\",\"Ann\"\n\"2\",\"Bob\"\n", People()},
      {"special.csv",
       "id,name\n1,\"a \"\"b\"\", c\"\n2,\"two\nlines\"\n",
       {R"({"id": 1, "name": "a \"b\", c"})", R"({"id": 2, "name": "two\nlines"})"}},
      {"semicolon_in_quotes.csv", "id;name\n1;\"a;b\"\n", {R"({"id": 1, "name": "a;b"})"}},
      {"commas.csv", "id;price\n1;3,14\n", {R"({"id": 1, "price": "3,14"})"}},
      {"empty_and_null.csv",
       "id,name\n1,\n2,\"\"\n",
       {R"({"id": 1, "name": null})", R"({"id": 2, "name": ""})"}},
      {"codes.csv",
       "id,zip\n1,02134\n2,99999\n",
       {R"({"id": 1, "zip": "02134"})", R"({"id": 2, "zip": "99999"})"}},
      {"one_column.csv", "id\n1\n2\n", {R"({"id": 1})", R"({"id": 2})"}},
      {"unnamed_column.csv", "id,\n1,x\n", {R"({"id": 1, "column_2": "x"})"}},
      {"export", kSemicolons, People()},
      {"report.txt", kCsv, People()},
      {"stdin.csv", kCsv, People(), {"stdin: CSV"}, {}, 0, true},
      {"ragged.csv",
       "id,name\n1\n2,Bob\n3,x,y\n",
       {R"({"id": 2, "name": "Bob"})"},
       {"2 records rejected with FIELD_COUNT", "line 2"},
       {},
       3},
      Refused("open_quote.csv", "id,name\n1,\"Ann\n2,Bob\n", {"opened on line 2", "--quote none"}),
      Refused("twice.csv", "id,id\n1,2\n", {"the column id twice", "--header"}),
  };
}

std::vector<FileCase> FlagFiles() {
  return {
      {"headless.csv", "1,Ann\n2,Bob\n", People(), {"no header"}, {"--header=id,name"}},
      {"unnamed.csv", "1,Ann\n", {R"({"column_1": 1, "column_2": "Ann"})"}, {}, {"--header=none"}},
      {"skipped.csv",
       "made by X;\n\nid,name\n1,Ann\n2,Bob\n",
       People(),
       {"2 lines skipped"},
       {"--skip=2"}},
      {"quotes.csv", "id,name\n1,\"Ann\n", {R"({"id": 1, "name": "\"Ann"})"}, {}, {"--quote=none"}},
      {"apostrophes.csv", "id,name\n1,'a,b'\n", {R"({"id": 1, "name": "a,b"})"}, {}, {"--quote='"}},
      {"hash.csv", "id#name\n1#Ann\n2#Bob\n", People(), {}, {"--delimiter=#"}},
      {"tab_word.csv", "id\tname\n1\tAnn\n2\tBob\n", People(), {}, {"--delimiter", "tab"}},
      {"nulls.csv",
       "id,name\nNA,Ann\n2,\"NA\"\n",
       {R"({"id": 2, "name": "NA"})", R"({"id": null, "name": "Ann"})"},
       {},
       {"--null=NA,NULL"}},
      {"decimals.csv",
       "id;price\n1;3,14\n2;-2\n",
       {R"({"id": 1, "price": 3.14})", R"({"id": 2, "price": -2})"},
       {},
       {"--decimal_comma"}},
      {"types.csv",
       "id,zip\n1,12345\n",
       {R"({"id": 1, "zip": "12345"})"},
       {},
       {"--types=zip:text"}},
      {"select.csv", "id,name,x\n1,Ann,3\n2,Bob,4\n", People(), {}, {"--select=id,name"}},
      {"rename.csv", "nr,name\n1,Ann\n2,Bob\n", People(), {}, {"--rename=nr:id"}},
      {"rename.jsonl",
       "{\"nr\":1,\"name\":\"Ann\",\"x\":[]}\n{\"nr\":2,\"name\":\"Bob\"}\n",
       People(),
       {},
       {"--rename=nr:id", "--select=nr,name"}},
      {"lower.csv", "ID,Name\n1,Ann\n2,Bob\n", People(), {}, {"--names=lower"}},
      {"snake.csv",
       "First Name,lastName\nAnn,Lee\n",
       {R"({"last_name": "Lee", "first_name": "Ann"})"},
       {},
       {"--names=snake"}},
      Refused("misspelled.csv", kCsv,
              {"--select: the input has no column nam", "did you mean name?"}, {"--select=nam"}, 2),
      Refused("misspelled_type.csv", kCsv, {"no column nam", "did you mean name?"},
              {"--types=nam:text"}, 2),
      Refused("misspelled_key.csv", kCsv,
              {"--primary_key: the input has no column idd", "mean id?"},
              {"--mode=dedup", "--primary_key=idd"}, 2),
      Refused("flag.jsonl", kJsonLines, {"JSON lines", "--quote requires CSV"}, {"--quote=none"},
              2),
      Refused("clash.csv", "A,a\n1,2\n", {"A and a", "--rename"}, {"--names=lower"}),
  };
}

std::vector<FileCase> JsonFiles() {
  return {
      {"lines.jsonl", kJsonLines, People(), {"JSON lines, 2 columns: id bigint, name varchar"}},
      {"lines_crlf.ndjson", "{\"id\":1,\"name\":\"Ann\"}\r\n{\"id\":2,\"name\":\"Bob\"}\r\n",
       People()},
      {"lines.json", kJsonLines, People()},
      {"lines.csv", kJsonLines, People(), {"JSON lines"}},
      {"array.json", kArray, People(), {"JSON, 2 columns"}},
      {"array_in_one_line.json", R"([{"id":1,"name":"Ann"},{"id":2,"name":"Bob"}])", People()},
      {"pretty_array.json",
       "[\n  {\n    \"id\": 1,\n    \"name\": \"Ann\"\n  },\n  {\n    \"id\": 2,\n    \"name\": "
       "\"Bob\"\n  }\n]\n",
       People()},
      {"pretty.json",
       "{\n  \"id\": 1,\n  \"name\": \"Ann\"\n}\n{\n  \"id\": 2,\n  \"name\": \"Bob\"\n}\n",
       People()},
      {"concatenated.json", R"({"id":1,"name":"Ann"}{"id":2,"name":"Bob"})", People()},
      {"sequence.json", "\x1E{\"id\":1,\"name\":\"Ann\"}\n\x1E{\"id\":2,\"name\":\"Bob\"}\n",
       People()},
      {"nested.json",
       "[{\"id\":1,\"v\":{\"a\": [1, \"]\"]}}]",
       {R"({"v": {"a": [1, "]"]}, "id": 1})"}},
      {"stdin.json", kArray, People(), {"stdin: JSON"}, {}, 0, true},
      {"one_broken_line.jsonl",
       "{\"id\":1,\"name\":\"Ann\"}\n{\"id\":\n{\"id\":2,\"name\":\"Bob\"}\n",
       People(),
       {"1 record rejected with INVALID_JSON", "line 2"},
       {},
       3},
      Refused("cut_array.json", "[{\"id\":1},\n{\"id\":2}", {"the input is cut", "line 1"}),
      Refused("cut_record.json", "[{\"id\":1},\n{\"id\":", {"the input is cut", "line 2"}),
      Refused("no_comma.json", "[{\"id\":1}\n{\"id\":2}]", {"line 2", "a comma must follow"}),
      Refused("no_brackets.json", "{\"id\":1},\n{\"id\":2}\n", {"line 1", "put brackets around"}),
      Refused("numbers.json", "[1, 2, 3]", {"none of the 3 examined records is a JSON object"}),
  };
}

std::vector<FileCase> EncodedFiles() {
  const std::string latin1 = "id,name\n1,Ren\xE9\n";
  const std::vector<std::string> rene = {R"({"id": 1, "name": "René"})"};
  return {
      {"marked.csv", absl::StrCat("\xEF\xBB\xBF", kCsv), People()},
      {"marked.jsonl", absl::StrCat("\xEF\xBB\xBF", kJsonLines), People()},
      {"utf16le.csv", "\xFF\xFE" + Utf16(kCsv, false), People(), {"UTF-16LE, CSV"}},
      {"utf16be.csv", "\xFE\xFF" + Utf16(kCsv, true), People(), {"UTF-16BE, CSV"}},
      {"unmarked_utf16.csv", Utf16(kCsv, false), People(), {}, {"--encoding=utf-16le"}},
      {"latin1.csv", latin1, rene, {"LATIN1"}, {"--encoding=latin1"}},
      {"windows.csv",
       "id,name\n1,\x80 5\n",
       {R"({"id": 1, "name": "€ 5"})"},
       {},
       {"--encoding=windows-1252"}},
      {"utf8.csv", "id,name\n1,René\n", rene},
      {"partly_utf8.csv",
       "id,name\n1,René\n2,Ren\xE9\n",
       rene,
       {"INVALID_UTF8", "line 3"},
       {"--encoding=utf-8"},
       3},
      Refused("unmarked.csv", Utf16(kCsv, false), {"--encoding UTF-16LE"}),
      Refused("unnamed_latin1.csv", latin1, {"line 2, byte 6 is 0xE9", "--encoding latin1"}),
      Refused("unknown.csv", kCsv, {"KLINGON", "iconv -l"}, {"--encoding=klingon"}),
  };
}

std::vector<FileCase> CompressedFiles() {
  const std::string gzip = Compress(Compression::kGzip, kCsv);
  std::string damaged = gzip;
  damaged[damaged.size() - 8] = static_cast<char>(damaged[damaged.size() - 8] ^ 1);
  return {
      {"people.csv.gz", gzip, People(), {"gzip, CSV"}},
      {"misnamed.csv", gzip, People()},
      {"stdin.gz", gzip, People(), {}, {}, 0, true},
      {"members.csv.gz",
       absl::StrCat(Compress(Compression::kGzip, "id,name\n1,Ann\n"),
                    Compress(Compression::kGzip, "2,Bob\n")),
       People()},
      {"people.jsonl.zst",
       Compress(Compression::kZstd, kJsonLines),
       People(),
       {"zstd, JSON lines"}},
      {"people.csv.bz2", Compress(Compression::kBzip2, kCsv), People(), {"bzip2, CSV"}},
      {"people.json.xz", Compress(Compression::kXz, kArray), People(), {"xz, JSON"}},
      {"wide.csv.gz",
       Compress(Compression::kGzip, "\xFF\xFE" + Utf16(kSemicolons, false)),
       People(),
       {"gzip, UTF-16LE, CSV, ';'"}},
      Refused("cut.csv.gz", gzip.substr(0, gzip.size() - 4), {"the gzip data is cut", "at byte"}),
      Refused("damaged.csv.gz", damaged, {"incorrect data check", "at byte"}),
      Refused("followed.csv.gz", gzip + kCsv, {"followed by other data", "at byte"}),
      Refused("twice.csv.gz", Compress(Compression::kGzip, gzip), {"compressed twice"}),
  };
}

std::vector<FileCase> ForeignFiles() {
  const std::string nuls(20, '\0');
  return {
      Refused("a.parquet", "PAR1\x15" + nuls,
              {"a Parquet file", "duckdb -json", "syncline load -"}),
      Refused("a.xlsx", "PK\x03\x04" + nuls, {"an Excel file", "read_xlsx"}),
      Refused("a.zip", "PK\x03\x04" + nuls, {"a ZIP archive", "unzip -p"}),
      Refused("a.avro", "Obj\x01" + nuls, {"an Avro file", "read_avro"}),
      Refused("a.db", "SQLite format 3" + nuls, {"an SQLite database", "duckdb -json"}),
      Refused("a.csv", "<!DOCTYPE html>\n<html></html>\n", {"an HTML document"}),
      Refused("a.bin", "\x01\x02" + nuls, {"binary data"}),
      Refused("a.log", "something happened\n", {"cannot tell the format", "--format csv"}),
  };
}

}  // namespace syncline::testing
