// `syncline load` with the real server: the types that it infers, when it does not change the
// table, and its report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LoadTest : public ServerTest {
 protected:
  // Runs the command line. Sets stderr_ and stdout_.
  int Run(const std::vector<std::string>& arguments) {
    const std::unique_ptr<Process> client = StartClient(*server_, arguments);
    const int code = client->Wait(kPatience).value_or(-1);
    stderr_ = client->Stderr();
    stdout_ = client->Stdout();
    return code;
  }
  // Loads `content` into "t" from a file with this name.
  int Load(absl::string_view name, absl::string_view content, std::vector<std::string> flags = {}) {
    std::vector<std::string> arguments = {"load", WriteFile(name, content),
                                          absl::StrCat("--table=\"", schema(), "\".t")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return Run(arguments);
  }
  int64_t Count(absl::string_view condition = "true") {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"), " WHERE ", condition));
  }
  std::string Type(absl::string_view column) {
    const auto rows = QueryText(
        absl::StrCat("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '",
                     Table("t"), "'::regclass AND attname = '", column, "'"));
    return rows.empty() ? "" : rows[0][0];
  }
  bool HasTable() {
    return QueryInt(absl::StrCat("SELECT (to_regclass('", Table("t"), "') IS NOT NULL)::int")) == 1;
  }

  std::string stderr_;
  std::string stdout_;
};

TEST_F(LoadTest, AReportThatCannotBeWrittenIsAFailure) {
  const std::string file = WriteFile("a.csv", "id\n1\n");
  for (const char* const flag : {"--dry_run", "--output=json"}) {
    ProcessOptions options;
    options.arguments = {
        "/bin/sh", "-c",
        absl::StrCat("exec ", SYNCLINE_CLIENT_BINARY, " load ", file, " --table='\"", schema(),
                     "\".t' --server=", server_->address(), " ", flag, " > /dev/full")};
    const auto process = Process::Start(options);
    ASSERT_OK(process);
    EXPECT_EQ((*process)->Wait(kPatience).value_or(-1), 1) << flag;
    EXPECT_THAT((*process)->Stderr(), HasSubstr("cannot write the output: No space left"));
  }
  EXPECT_EQ(Count(), 1);
}

TEST_F(LoadTest, EveryVerbSaysThatItCannotWrite) {
  EXPECT_EQ(Load("a.csv", "id,name\n1,Ann\n2\n", {"--sync_id=s"}), 3) << stderr_;
  for (const char* const verb : {"list", "status s", "rejected s", "watch s", "cancel s"}) {
    ProcessOptions options;
    options.arguments = {"/bin/sh", "-c",
                         absl::StrCat("exec ", SYNCLINE_CLIENT_BINARY, " ", verb,
                                      " --server=", server_->address(), " > /dev/full")};
    const auto process = Process::Start(options);
    ASSERT_OK(process);
    EXPECT_EQ((*process)->Wait(kPatience).value_or(-1), 1) << verb;
    EXPECT_THAT((*process)->Stderr(), HasSubstr("cannot write the output: No space left")) << verb;
  }
}

TEST_F(LoadTest, TypesDependOnTheWholeFile) {
  std::string text = "id,zip,code\n";
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&text, i, ",", 10000 + i, ",", i, "\n");
  EXPECT_EQ(Load("a.csv", text + "3000,02134,1e5\n3001,99999,2\n"), 0) << stderr_;
  EXPECT_EQ(Type("id"), "bigint");
  EXPECT_EQ(Count("zip = '02134' AND code = '1e5'"), 1);
  EXPECT_EQ(Count(), 3002);
}

TEST_F(LoadTest, LateColumnIsLoaded) {
  std::string text;
  for (int i = 0; i < 2500; ++i) absl::StrAppend(&text, "{\"id\":", i, "}\n");
  EXPECT_EQ(Load("a.jsonl", text + "{\"id\":-1,\"late\":1.5}\n"), 0) << stderr_;
  EXPECT_EQ(Count("id = -1 AND late = 1.5"), 1);
}

TEST_F(LoadTest, InputWithoutRecordsChangesNothing) {
  for (const char* const text : {"", "id,name\n", "id,name"}) {
    EXPECT_EQ(Load("a.csv", text), 0);
    EXPECT_THAT(stderr_, HasSubstr("no records; nothing was changed"));
    EXPECT_EQ(Load("a.csv", text, {"--mode=overwrite"}), 1);
    EXPECT_THAT(stderr_, HasSubstr("--allow_empty"));
  }
  EXPECT_FALSE(HasTable());
  ASSERT_EQ(Load("a.csv", "id,name\n1,Ann\n"), 0) << stderr_;
  EXPECT_EQ(Load("a.csv", "id,name\n"), 0);
  EXPECT_EQ(Load("a.jsonl", "\n\n", {"--mode=dedup", "--primary_key=id"}), 0);
  EXPECT_EQ(Type("id"), "bigint");
  EXPECT_EQ(Count("id = 1"), 1);
  EXPECT_EQ(Load("a.csv", "id,name\n", {"--mode=overwrite", "--allow_empty"}), 0) << stderr_;
  EXPECT_EQ(Count(), 0);
}

TEST_F(LoadTest, ReplaceWithRejectedRecordsKeepsTheTable) {
  ASSERT_EQ(Load("a.csv", "id,name\n1,Ann\n2,Bob\n", {"--mode=overwrite"}), 0) << stderr_;
  const std::string bad = "id,name\n7\n8,Zoe\n9,Yan,3\n";
  EXPECT_EQ(Load("b.csv", bad, {"--mode=overwrite"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("2 records were rejected"));
  EXPECT_EQ(Count(), 2);
  // The next load does not include the rows that were staged.
  EXPECT_EQ(Load("c.csv", "id,name\n5,Eve\n", {"--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(Count("id = 5"), 1);
  EXPECT_EQ(Load("b.csv", bad, {"--mode=overwrite", "--allow_rejected"}), 0) << stderr_;
  EXPECT_EQ(Count("id = 8"), 1);
  EXPECT_EQ(Load("b.csv", bad, {"--mode=overwrite", "--max_rejected=2"}), 3) << stderr_;
}

TEST_F(LoadTest, ReplaceWithTruncatedInputKeepsTheTable) {
  ASSERT_EQ(Load("a.jsonl", "{\"id\":1}\n{\"id\":2}\n", {"--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(Load("b.jsonl", "{\"id\":3}\n{\"id\":", {"--mode=overwrite"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("truncated"));
  const std::string schema_file =
      WriteFile("schema.json", R"({"type":"object","properties":{"id":{"type":"integer"}}})");
  EXPECT_EQ(Load("b.csv", "id\n3\n\"4\n", {"--mode=overwrite"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("line 3"));
  // Without a survey of the whole file, as from a pipe, the fault is found at the end.
  EXPECT_EQ(Load("b.csv", "id\n3\n\"4\n", {"--mode=overwrite", "--schema=" + schema_file}), 1);
  EXPECT_THAT(stderr_, HasSubstr("line 3"));
  EXPECT_EQ(Load("b.jsonl", "{\"id\":3}\n{\"id\":",
                 {"--mode=overwrite", "--schema=" + schema_file, "--allow_rejected"}),
            1);
  EXPECT_THAT(stderr_, HasSubstr("truncated"));
  EXPECT_EQ(Count("id IN (1, 2)"), 2);
  EXPECT_EQ(Load("c.jsonl", "{\"id\":5}\n", {"--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(Count(), 1);
}

TEST_F(LoadTest, RejectedRowsDoNotStopAnAppend) {
  EXPECT_EQ(Load("a.csv", "id,name\n1,\"Ann\nMay\"\n2\n3,Cid\n4,x,y\n", {"--sync_id=s"}), 3);
  EXPECT_EQ(Count(), 2);
  EXPECT_THAT(stderr_,
              HasSubstr("2 records rejected with FIELD_COUNT (number of fields differs from "
                        "the header); the first is record 2 on line 4"));
  EXPECT_EQ(Run({"rejected", "s"}), 0) << stderr_;
  EXPECT_THAT(stdout_, AllOf(HasSubstr("FIELD_COUNT"), HasSubstr("[\"2\"]")));
  EXPECT_EQ(Run({"rejected", "s", "--output=jsonl"}), 0) << stderr_;
  EXPECT_EQ(stdout_, "[\"2\"]\n[\"4\",\"x\",\"y\"]\n");
  EXPECT_EQ(Run({"rejected", "s", "--output=json"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("\"reason\":\"FIELD_COUNT\""));
  EXPECT_EQ(Run({"rejected", "nobody"}), 1);
  EXPECT_EQ(Load("a.csv", "id,name\n1,Ann\n2\n", {"--allow_rejected"}), 0) << stderr_;
  EXPECT_EQ(Load("a.csv", "id,name\n1,Ann\n2\n", {"--strict"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("--strict"));
}

TEST_F(LoadTest, ReportsWhatItDidNotStoreAsStatusDoes) {
  const std::string schema_file =
      WriteFile("schema.json", R"({"type":"object","properties":{"id":{"type":"integer"}}})");
  const std::string text = "{\"id\":1}\n{\"id\":\"x\",\"more\":1}\n";
  EXPECT_EQ(Load("a.jsonl", text, {"--schema=" + schema_file, "--sync_id=s"}), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("column \"id\": 1 value did not fit and became NULL"));
  EXPECT_THAT(stderr_, HasSubstr("field \"more\" is not declared and was not stored in 1 record"));
  EXPECT_EQ(Run({"status", "s"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("UNDECLARED"));
  EXPECT_THAT(stdout_, HasSubstr("more    0       0          1"));
  EXPECT_EQ(Load("a.jsonl", text, {"--schema=" + schema_file, "--strict", "--output=json"}), 1);
  EXPECT_THAT(stdout_, HasSubstr("\"values_nulled\":1"));
}

TEST_F(LoadTest, SyncIdBelongsToOneFile) {
  ASSERT_EQ(Load("a.jsonl", "{\"id\":1}\n", {"--sync_id=s"}), 0) << stderr_;
  EXPECT_EQ(Load("a.jsonl", "{\"id\":1}\n", {"--sync_id=s"}), 0) << stderr_;
  EXPECT_EQ(Load("a.jsonl", "{\"id\":2}\n", {"--sync_id=s"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("INPUT_CHANGED"));
  EXPECT_THAT(stderr_, HasSubstr("began with a different input"));
  EXPECT_EQ(Count("id = 1"), 1);
}

TEST_F(LoadTest, TypesOfTheTableAreKept) {
  ASSERT_EQ(Load("a.csv", "id,code,email\n1,A7,a@x\n", {}), 0) << stderr_;
  EXPECT_EQ(Load("b.csv", "id,code\n2,007\n3,12\n", {}), 0) << stderr_;
  EXPECT_EQ(Load("c.csv", "id,code,flag\n4,TRUE,true\n", {}), 0) << stderr_;
  EXPECT_EQ(Count("email = 'a@x'"), 1);
  EXPECT_EQ(Count("code IN ('A7', '007', '12', 'TRUE')"), 4);
  EXPECT_EQ(Type("id"), "bigint");
  EXPECT_EQ(Type("flag"), "boolean");
  EXPECT_EQ(Load("d.csv", "other,columns\n1,2\n", {}), 1);
  EXPECT_THAT(stderr_, HasSubstr("NO_SHARED_COLUMN"));
  EXPECT_EQ(Count(), 4);
}

TEST_F(LoadTest, TableMayHaveOnlyTheColumnsOfTheInput) {
  const auto columns = [this] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND NOT ",
                                 "attisdropped AND attrelid = '", Table("t"), "'::regclass"));
  };
  EXPECT_EQ(Load("a.csv", "id,name\n1,a\n2,b\n", {"--meta=none"}), 0) << stderr_;
  EXPECT_EQ(columns(), 2);
  EXPECT_EQ(Load("b.csv", "id,name\n3,c\n", {"--meta=none", "--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(columns(), 2);
  EXPECT_EQ(Count(), 1);
  // The first load has decided.
  EXPECT_EQ(Load("c.csv", "id,name\n4,d\n"), 1);
  EXPECT_THAT(stderr_, HasSubstr("--meta of the table's first load"));
  EXPECT_EQ(Count("id = 3"), 1);
}

TEST_F(LoadTest, GuardAndValidateOnlyKeepTheTable) {
  ASSERT_EQ(Load("a.jsonl", "{\"id\":1}\n{\"id\":2}\n", {"--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(Load("b.jsonl", "{\"id\":3}\n", {"--mode=overwrite", "--max_shrink=0.2"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("max_shrink"));
  EXPECT_EQ(
      Load("b.jsonl", "{\"id\":3}\n", {"--mode=overwrite", "--validate_only", "--min_rows=1"}), 0)
      << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("would insert 1 rows"));
  EXPECT_EQ(
      Load("b.jsonl", "{\"id\":3}\n", {"--mode=overwrite", "--validate_only", "--min_rows=9"}), 1);
  EXPECT_THAT(stderr_, HasSubstr("min_rows"));
  EXPECT_EQ(Count("id IN (1, 2)"), 2);
  EXPECT_EQ(Load("b.jsonl", "{\"id\":3}\n", {"--mode=overwrite"}), 0) << stderr_;
  EXPECT_EQ(Count(), 1);
}

// A guard that passes and --validate_only must not discard rows that this load did not send.
TEST_F(LoadTest, RowsStagedByAnEarlierLoadAreKept) {
  v1::StartSyncRequest earlier = OneStream("earlier", "t");
  earlier.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  earlier.mutable_streams(0)->add_primary_key()->add_path("id");
  ASSERT_OK(client_->StartSync(earlier));
  ASSERT_OK(Send(*client_, "earlier", "t", 0, 2));
  ASSERT_OK(client_->CancelSync("earlier"));
  const auto load = [&](const std::string& flag) {
    return Load("b.jsonl", "{\"id\":7}\n", {"--mode=dedup", "--primary_key=id", flag});
  };
  EXPECT_EQ(load("--min_rows=9"), 1);
  EXPECT_THAT(stderr_, HasSubstr("rows that earlier loads staged for the table are kept"));
  EXPECT_EQ(load("--validate_only"), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("would insert 3 rows"));
  EXPECT_FALSE(HasTable());
  EXPECT_EQ(load("--min_rows=3"), 0) << stderr_;
  EXPECT_EQ(Count("id IN (0, 1, 7)"), 3);
}

TEST_F(LoadTest, WarnsOfATokenFileThatOthersCanRead) {
  const std::string token = WriteFile("token", "secret\n");
  std::filesystem::permissions(token, std::filesystem::perms(0644));
  EXPECT_EQ(Run({"list", "--token_file=" + token}), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("every user of this machine can read " + token));
  std::filesystem::permissions(token, std::filesystem::perms(0640));
  EXPECT_EQ(Run({"list", "--token_file=" + token}), 0) << stderr_;
  EXPECT_THAT(stderr_, Not(HasSubstr("can read")));
}

TEST_F(LoadTest, StrictStopsAReplaceBeforeItChangesTheTable) {
  ASSERT_EQ(Load("a.jsonl", "{\"id\":1}\n{\"id\":2}\n", {"--mode=overwrite"}), 0) << stderr_;
  const std::string schema_file =
      WriteFile("schema.json", R"({"type":"object","properties":{"id":{"type":"integer"}}})");
  EXPECT_EQ(Load("b.jsonl", "{\"id\":3}\n[]\n",
                 {"--mode=overwrite", "--strict", "--allow_rejected", "--schema=" + schema_file}),
            1);
  EXPECT_EQ(Count("id IN (1, 2)"), 2);
  EXPECT_EQ(
      Load("b.jsonl", "{\"id\":3}\n", {"--mode=overwrite", "--strict", "--schema=" + schema_file}),
      0)
      << stderr_;
  EXPECT_EQ(Count(), 1);
}

TEST_F(LoadTest, ReadsAByteOrderMarkAndNamesOtherEncodings) {
  EXPECT_EQ(Load("a.jsonl", "\xEF\xBB\xBF{\"id\":1}\n{\"id\":2}\n"), 0) << stderr_;
  EXPECT_EQ(Count(), 2);
  EXPECT_EQ(Load("b.csv", "id,pr\xE9nom\n1,a\n"), 1);
  EXPECT_THAT(stderr_, HasSubstr("UTF-8"));
  EXPECT_THAT(stderr_, Not(HasSubstr("INTERNAL")));
  EXPECT_EQ(Load("c.csv", std::string("\xFF\xFEi\0d\0\n\0003\0\n\0", 12)), 0) << stderr_;
  EXPECT_EQ(Count("id = 3"), 1);
  EXPECT_EQ(Load("d.txt", "id,name\n4,Ann\n"), 0) << stderr_;
  EXPECT_EQ(Count("id = 4"), 1);
  EXPECT_EQ(Load("e.txt", "hello\n"), 1);
  EXPECT_THAT(stderr_, HasSubstr("--format csv"));
}

}  // namespace
}  // namespace syncline::testing
