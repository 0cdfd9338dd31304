// `syncline load` with files as people have them: each is loaded exactly, or refused with a
// sentence that names the cause and the cure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/file_cases.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

class FileFormatsTest : public ServerTest {
 protected:
  int Run(std::vector<std::string> arguments, const std::string& stdin_file = "") {
    ProcessOptions options;
    options.arguments = {SYNCLINE_CLIENT_BINARY};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    options.arguments.push_back(absl::StrCat("--server=", server_->address()));
    options.stdin_file = stdin_file;
    auto client = Process::Start(options);
    EXPECT_OK(client);
    if (!client.ok()) return -1;
    const int code = (*client)->Wait(kPatience).value_or(-1);
    stderr_ = (*client)->Stderr();
    stdout_ = (*client)->Stdout();
    return code;
  }

  std::string TableFlag(absl::string_view table) const {
    return absl::StrCat("--table=\"", schema(), "\".", table);
  }

  bool HasTable(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT (to_regclass('", Table(table), "') IS NOT NULL)::int")) ==
           1;
  }

  // The table's rows as JSON text, without the meta columns.
  std::vector<std::string> Rows(absl::string_view table) {
    std::vector<std::string> rows;
    for (auto& row : QueryText(absl::StrCat(
             "SELECT (to_jsonb(t) - '{_airbyte_raw_id,_airbyte_extracted_at,_airbyte_meta,"
             "_airbyte_generation_id}'::text[])::text FROM ",
             Table(table), " AS t"))) {
      rows.push_back(row[0]);
    }
    return rows;
  }

  void Check(const std::vector<FileCase>& files) {
    for (const FileCase& file : files) {
      SCOPED_TRACE(file.name);
      const std::string path = WriteFile(file.name, file.content);
      const std::string table = absl::StrCat("f", ++files_loaded_);
      std::vector<std::string> arguments = {"load", file.from_stdin ? "-" : path, TableFlag(table)};
      arguments.insert(arguments.end(), file.flags.begin(), file.flags.end());
      EXPECT_EQ(Run(arguments, file.from_stdin ? path : ""), file.exit_code) << stderr_;
      for (const std::string& word : file.words) EXPECT_THAT(stderr_, HasSubstr(word));
      EXPECT_THAT(stderr_, Not(HasSubstr("INTERNAL")));
      if (file.rows.empty()) {
        EXPECT_FALSE(HasTable(table));
      } else if (HasTable(table)) {
        EXPECT_THAT(Rows(table), UnorderedElementsAreArray(file.rows)) << stderr_;
      } else {
        ADD_FAILURE() << "nothing was loaded: " << stderr_;
      }
    }
  }

  int files_loaded_ = 0;
  std::string stderr_;
  std::string stdout_;
};

TEST_F(FileFormatsTest, Csv) { Check(CsvFiles()); }

TEST_F(FileFormatsTest, Flags) { Check(FlagFiles()); }

TEST_F(FileFormatsTest, Json) { Check(JsonFiles()); }

TEST_F(FileFormatsTest, Encodings) { Check(EncodedFiles()); }

TEST_F(FileFormatsTest, Compressions) { Check(CompressedFiles()); }

TEST_F(FileFormatsTest, ForeignFormats) { Check(ForeignFiles()); }

TEST_F(FileFormatsTest, SeveralFilesAreOneSync) {
  const std::string a = WriteFile("a.csv", "id,name\n1,Ann\n");
  const std::string b = WriteFile("b.json", "[{\"id\":2,\"more\":1.5},\n{\"id\":3}]");
  const std::string c = WriteFile("c.csv", "id;name\n");
  EXPECT_EQ(Run({"load", a, b, c, TableFlag("t"), "--sync_id=s"}), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("3 rows, 0 rejected"));
  EXPECT_THAT(Rows("t"), UnorderedElementsAreArray({R"({"id": 1, "more": null, "name": "Ann"})",
                                                    R"({"id": 2, "more": 1.5, "name": null})",
                                                    R"({"id": 3, "more": null, "name": null})"}));
  EXPECT_EQ(Run({"load", a, b, c, TableFlag("t"), "--sync_id=s"}), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("has already loaded this input"));
  WriteFile("a.csv", "id,name\n1,Eve\n");
  EXPECT_EQ(Run({"load", a, b, c, TableFlag("t"), "--sync_id=s"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("INPUT_CHANGED"));
  EXPECT_EQ(Rows("t").size(), 3u);
}

TEST_F(FileFormatsTest, DirectoriesAndPatternsNameFiles) {
  for (const char* const name : {"p1.csv", "p2.csv", "p3.csv", "p4.csv", "p5.csv", "p6.csv"}) {
    WriteFile(name, absl::StrCat("id\n", absl::string_view(name).substr(1, 1), "\n"));
  }
  WriteFile(".hidden", "x");
  EXPECT_EQ(Run({"load", files().Path("p*.csv"), TableFlag("t")}), 0) << stderr_;
  EXPECT_EQ(Rows("t").size(), 6u);
  EXPECT_EQ(Run({"load", files().Path(""), TableFlag("u")}), 0) << stderr_;
  EXPECT_EQ(Rows("u").size(), 6u);
  EXPECT_THAT(stderr_, HasSubstr(".hidden: not loaded"));
  EXPECT_EQ(Run({"load", files().Path("q*.csv"), TableFlag("v")}), 1);
  EXPECT_THAT(stderr_, HasSubstr("no file matches"));
  EXPECT_EQ(Run({"load", files().Path("p1.csv"), "-", TableFlag("v")}), 2);
}

TEST_F(FileFormatsTest, AFaultyFileIsNamed) {
  const std::string good = WriteFile("good.csv", "id,name\n1,Ann\n");
  const std::string bad = WriteFile("bad.csv", "id,name\n1,\"open\n");
  const std::string ragged = WriteFile("ragged.csv", "id,name\n2,Bob\n3\n");
  EXPECT_EQ(Run({"load", good, bad, TableFlag("t")}), 1);
  EXPECT_THAT(stderr_, HasSubstr(absl::StrCat(bad, ": the quote opened on line 2")));
  EXPECT_FALSE(HasTable("t"));
  EXPECT_EQ(Run({"load", good, ragged, TableFlag("t")}), 3);
  EXPECT_THAT(stderr_, HasSubstr(absl::StrCat("on line 3 of ", ragged)));
  EXPECT_EQ(Rows("t").size(), 2u);
  EXPECT_EQ(Run({"load", good, files().Path("missing.csv"), TableFlag("t")}), 1);
  EXPECT_THAT(stderr_, HasSubstr("cannot open"));
}

TEST_F(FileFormatsTest, AnEmptyFileNeedsNoFormat) {
  const std::string part = WriteFile("part-0.csv", "id,name\n1,NA\n");
  const std::string marker = WriteFile("_SUCCESS", "");
  EXPECT_EQ(Run({"load", marker, part, TableFlag("t"), "--null=NA", "--dry_run"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("1   NULL\n"));
  EXPECT_EQ(Run({"load", marker, part, TableFlag("t"), "--null=NA"}), 0) << stderr_;
  EXPECT_THAT(Rows("t"), UnorderedElementsAreArray({R"({"id": 1, "name": null})"}));
}

TEST_F(FileFormatsTest, MoreFilesThanMayBeOpen) {
  constexpr size_t kFiles = 100;
  for (size_t i = 0; i < kFiles; ++i) {
    WriteFile(absl::StrCat("part-", i, ".csv"), absl::StrCat("id\n", i, "\n"));
  }
  ProcessOptions options;
  options.arguments = {"/bin/sh", "-c",
                       absl::StrCat("ulimit -S -n 64; exec ", SYNCLINE_CLIENT_BINARY, " load '",
                                    files().Path("part-*.csv"), "' '", TableFlag("t"),
                                    "' --server=", server_->address())};
  const auto process = Process::Start(options);
  ASSERT_OK(process);
  EXPECT_EQ((*process)->Wait(kPatience).value_or(-1), 0) << (*process)->Stderr();
  EXPECT_EQ(Rows("t").size(), kFiles);
}

TEST_F(FileFormatsTest, DryRunLoadsNothing) {
  const std::string file = WriteFile("a.csv", "id;price\n1;3,14\n2;\n");
  EXPECT_EQ(Run({"load", file, TableFlag("t"), "--dry_run", "--decimal_comma"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("\"id\" bigint,\n  \"price\" numeric\n);"));
  EXPECT_THAT(stdout_, HasSubstr("1   3.14\n2   NULL\n"));
  EXPECT_FALSE(HasTable("t"));
  EXPECT_EQ(Run({"load", file, TableFlag("t"), "--dry_run", "--output=json"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr(R"("records":[{"id":1,"price":"3,14"},{"id":2}])"));
  const std::string broken = WriteFile("b.jsonl", "{\"id\":1}\n{\"id\":\n");
  EXPECT_EQ(Run({"load", broken, TableFlag("t"), "--dry_run", "--output=json"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr(R"("records":[{"id":1},"{\"id\":"])"));
  const std::string python = WriteFile("c.jsonl", "{\"id\":1,\"x\":NaN}\n{\"id\":2,\"x\":[1,]}\n");
  EXPECT_EQ(Run({"load", python, TableFlag("t"), "--dry_run", "--format=jsonl"}), 0) << stderr_;
  EXPECT_THAT(stdout_, AllOf(HasSubstr("NULL"), Not(HasSubstr("rejected: {\"id\":1"))));
  EXPECT_THAT(stdout_, HasSubstr("rejected: {\"id\":2,\"x\":[1,]}"));
  EXPECT_EQ(Run({"load", file, TableFlag("t"), "--dry_run", "--validate_only", "--mode=overwrite"}),
            2);
}

TEST_F(FileFormatsTest, APointIsNoDecimalCommaOfANumber) {
  const std::string file = WriteFile("a.csv", "id;price\n1;3,14\n2;1.234\n3;1.234,5\n");
  std::vector<std::string> load = {"load", file, TableFlag("t"), "--decimal_comma",
                                   "--types=price:numeric"};
  EXPECT_EQ(Run(load), 3) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("2 records rejected with DECIMAL_POINT ("));
  load.pop_back();  // the table has the type
  EXPECT_EQ(Run(load), 3) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("2 records rejected with DECIMAL_POINT ("));
  const std::string row = R"({"id": 1, "price": 3.14})";
  EXPECT_THAT(Rows("t"), UnorderedElementsAreArray({row, row}));
  load.emplace_back("--dry_run");
  EXPECT_EQ(Run(load), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr(R"(rejected: {"id":2,"price":"1.234"})"));
}

TEST_F(FileFormatsTest, DryRunShowsWhatAnExistingTableWouldChange) {
  const std::string file = WriteFile("a.csv", "id\n1\n");
  EXPECT_EQ(Run({"load", file, TableFlag("t")}), 0) << stderr_;
  EXPECT_EQ(Run({"load", file, TableFlag("t"), "--dry_run"}), 0) << stderr_;
  EXPECT_THAT(stdout_, AllOf(HasSubstr("its definition does not change"),
                             Not(HasSubstr("rows are replaced"))));
  EXPECT_EQ(Run({"load", file, TableFlag("t"), "--dry_run", "--mode=overwrite"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("the rows are replaced by a swap (nothing that depends"));
  const std::string wider = WriteFile("b.csv", "id,extra\n2,x\n");
  EXPECT_EQ(Run({"load", wider, TableFlag("t"), "--dry_run"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("column \"extra\" is added"));
  EXPECT_THAT(stdout_, Not(HasSubstr("CREATE TABLE")));
  EXPECT_THAT(Rows("t"), UnorderedElementsAreArray({R"({"id": 1})"}));
  EXPECT_EQ(Run({"load", wider, TableFlag("t"), "--dry_run", "--schema_policy=freeze"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("SCHEMA_FROZEN"));
}

TEST_F(FileFormatsTest, SchemaMustExistIfAsked) {
  const std::string file = WriteFile("a.csv", "id\n1\n");
  const std::string table = absl::StrCat("--table=\"", schema(), "_typo\".t");
  EXPECT_EQ(Run({"load", file, table, "--create_schema=false"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("SCHEMA_MISSING"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_namespace WHERE nspname = '", schema(),
                                  "_typo'")),
            0);
}

}  // namespace
}  // namespace syncline::testing
