// `syncline singer` against the real server: tables, states, versions, changed schemas and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Schema(const std::string& properties, const std::string& stream = "t",
                   const std::string& keys = R"(["id"])") {
  return absl::StrCat(R"({"type":"SCHEMA","stream":")", stream, R"(","schema":{"properties":{)",
                      properties, R"(}},"key_properties":)", keys, "}");
}

std::string Record(const std::string& data, int version = 0, const std::string& stream = "t") {
  return absl::StrCat(R"({"type":"RECORD","stream":")", stream, R"(","record":)", data,
                      version == 0 ? "" : absl::StrCat(",\"version\":", version), "}");
}

std::string State(const std::string& value) {
  return absl::StrCat(R"({"type": "STATE", "value": )", value, "}");
}

std::string Activate(int version) {
  return absl::StrCat(R"({"type":"ACTIVATE_VERSION","stream":"t","version":)", version, "}");
}

constexpr char kColumns[] = R"("id":{"type":"integer"},"name":{"type":"string"})";

struct Loaded {
  int exit_code = -1;
  std::string states;
  std::string words;
};

class SingerTest : public ServerTest {
 protected:
  // Runs the target with `lines`; `config` are further members of its configuration.
  Loaded Load(const std::vector<std::string>& lines, const std::string& config = "") {
    ProcessOptions options;
    options.arguments = {
        SYNCLINE_CLIENT_BINARY, "singer", "--config",
        WriteFile("config.json", absl::StrCat(R"({"server":")", server_->address(),
                                              R"(","schema":")", schema(), "\"", config, "}"))};
    options.stdin_file = WriteFile("input.jsonl", absl::StrCat(absl::StrJoin(lines, "\n"), "\n"));
    Loaded loaded;
    const auto process = Process::Start(options);
    if (!process.ok()) return loaded;
    loaded.exit_code = (*process)->Wait(kPatience).value_or(-1);
    loaded.states = (*process)->Stdout();
    loaded.words = (*process)->Stderr();
    return loaded;
  }

  // "1:ann 2:bob": the columns id and name, in order.
  std::string Rows(const std::string& condition = "true") {
    return QueryValue(
        absl::StrCat("SELECT coalesce(string_agg(id || ':' || coalesce(name, ''), "
                     "' ' ORDER BY id, name), '') FROM ",
                     Table("t"), " WHERE ", condition));
  }

  std::string LastState(const Loaded& loaded) {
    const std::vector<std::string> lines = absl::StrSplit(loaded.states, '\n', absl::SkipEmpty());
    return lines.empty() ? "" : lines.back();
  }
};

TEST_F(SingerTest, UpsertsAndPrintsTheLastStateUnchanged) {
  const Loaded first = Load({Schema(kColumns), Record(R"({"id":1,"name":"ann"})"),
                             State(R"({"b" : 1.50, "a": "é"})"), Record(R"({"id":2})"),
                             Record(R"({"id":1,"name":"anna"})"), State(R"({"b" : 2})")});
  ASSERT_EQ(first.exit_code, 0) << first.words;
  EXPECT_EQ(LastState(first), R"({"b" : 2})");
  EXPECT_EQ(Rows(), "1:anna 2:");
  const Loaded second =
      Load({Schema(kColumns), Record(R"({"id":2,"name":"bob"})"), State("{\"b\":3}")});
  ASSERT_EQ(second.exit_code, 0) << second.words;
  EXPECT_EQ(Rows(), "1:anna 2:bob");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", LedgerTable("sync"),
                                  " WHERE state = 'finished'")),
            2);
}

TEST_F(SingerTest, LateStreamsAndChangedSchemas) {
  const std::string wider =
      R"("id":{"type":"number"},"name":{"type":"string"},"extra":{"type":"boolean"})";
  const Loaded loaded =
      Load({Schema(kColumns, "t", "[]"), Record(R"({"id":1,"name":"a"})"), State("1"),
            Schema(kColumns, "late"), Record(R"({"id":9})", 0, "late"), Schema(wider, "t", "[]"),
            Record(R"({"id":2.5,"extra":true})"), State("2")});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(LastState(loaded), "2");
  EXPECT_EQ(Rows(), "1:a 2.5:");
  EXPECT_EQ(Rows("extra"), "2.5:");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("late"))), 1);
}

TEST_F(SingerTest, SoftDeleteMarksRowsOfOlderVersions) {
  ASSERT_EQ(Load({Schema(kColumns), Record(R"({"id":1,"name":"a"})", 5),
                  Record(R"({"id":2,"name":"b"})", 5), Activate(5), State("1")})
                .exit_code,
            0);
  EXPECT_EQ(Rows("_sdc_deleted_at IS NULL"), "1:a 2:b");
  // Without ACTIVATE_VERSION nothing is marked.
  Loaded loaded = Load({Schema(kColumns), Record(R"({"id":2,"name":"c"})", 6), State("2")});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows("_sdc_deleted_at IS NULL"), "1:a 2:c");
  loaded = Load({Schema(kColumns), Activate(6), Record(R"({"id":3,"name":"d"})", 6), State("3")});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows("_sdc_deleted_at IS NULL"), "2:c 3:d");
  EXPECT_EQ(Rows("_sdc_deleted_at IS NOT NULL"), "1:a");
}

TEST_F(SingerTest, HardDeleteReplacesTheTableByTheVersion) {
  const std::string hard = R"(,"hard_delete":true)";
  ASSERT_EQ(
      Load({Schema(kColumns), Record(R"({"id":1,"name":"a"})", 5), Activate(5), State("1")}, hard)
          .exit_code,
      0);
  // The table has this version already, so rows are merged.
  Loaded loaded = Load({Schema(kColumns), Record(R"({"id":2,"name":"b"})", 5), State("2")}, hard);
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows(), "1:a 2:b");
  // A tap that ends without a STATE and without ACTIVATE_VERSION may have failed.
  loaded = Load({Schema(kColumns), Record(R"({"id":3,"name":"c"})", 6)}, hard);
  EXPECT_EQ(loaded.exit_code, 1);
  EXPECT_THAT(loaded.words, HasSubstr("stream t is not complete"));
  EXPECT_EQ(Rows(), "1:a 2:b");
  loaded =
      Load({Schema(kColumns), Record(R"({"id":4,"name":"d"})", 7), Activate(7), State("3")}, hard);
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows(), "4:d");
}

TEST_F(SingerTest, OverwriteReplacesTheTableOnEachRun) {
  const std::string overwrite = R"(,"load_method":"overwrite")";
  ASSERT_EQ(
      Load({Schema(kColumns), Record(R"({"id":1,"name":"a"})"), State("1")}, overwrite).exit_code,
      0);
  EXPECT_EQ(Load({Schema(kColumns), Record(R"({"id":2,"name":"b"})")}, overwrite).exit_code, 1);
  EXPECT_EQ(Rows(), "1:a");
  const Loaded loaded =
      Load({Schema(kColumns), Record(R"({"id":3,"name":"c"})"), State("2")}, overwrite);
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows(), "3:c");
  EXPECT_EQ(loaded.states, "2\n");
}

TEST_F(SingerTest, AnErrorKeepsWhatPrecedesItAndNamesItsLine) {
  const Loaded loaded = Load({Schema(kColumns), Record(R"({"id":1,"name":"a"})"), State("1"),
                              Record(R"({"name":"no key"})"), State("2")});
  EXPECT_EQ(loaded.exit_code, 1);
  EXPECT_THAT(loaded.words, HasSubstr("line 4: "));
  EXPECT_THAT(loaded.words, HasSubstr("(SINGER_NO_KEY)"));
  EXPECT_EQ(loaded.states, "1\n");
  EXPECT_EQ(Rows(), "1:a");
}

TEST_F(SingerTest, MetadataIsStoredInOrdinaryColumns) {
  const Loaded loaded =
      Load({Schema(kColumns), Record(R"({"id":1,"name":"a"})", 5), Activate(5), State("1")},
           R"(,"add_record_metadata":true)");
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(QueryInt(absl::StrCat(
                "SELECT count(*) FROM ", Table("t"),
                " WHERE _sdc_table_version = 5 AND _sdc_received_at > now() - interval '1 hour' "
                "AND _sdc_sequence > 0 AND _sdc_deleted_at IS NULL")),
            1);
}

TEST_F(SingerTest, BatchFilesAreLoaded) {
  const std::string file = WriteFile("batch.jsonl", "{\"id\":1,\"name\":\"a\"}\n{\"id\":2}\n");
  const Loaded loaded = Load(
      {Schema(kColumns),
       absl::StrCat(R"({"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":[)",
                    "\"file://", file, "\"]}"),
       State("1")});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.words;
  EXPECT_EQ(Rows(), "1:a 2:");
}

TEST_F(SingerTest, TargetNameIsTheVerb) {
  const std::string link = files().Path("target-syncline");
  ASSERT_EQ(symlink(SYNCLINE_CLIENT_BINARY, link.c_str()), 0);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{link, "--about", "--format=json"},
        std::vector<std::string>{link, "--version"}}) {
    ProcessOptions options;
    options.arguments = arguments;
    ASSERT_OK_AND_ASSIGN(const auto process, Process::Start(options));
    EXPECT_EQ(process->Wait(kPatience).value_or(-1), 0);
    EXPECT_THAT(process->Stdout(), HasSubstr("target-syncline"));
  }
}

}  // namespace
}  // namespace syncline::testing
