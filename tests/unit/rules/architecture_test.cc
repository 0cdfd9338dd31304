// Reads the source tree and reports violations of the rules of docs/architecture.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "tests/unit/rules/source_rules.h"
#include "tests/unit/rules/source_text.h"

namespace syncline::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kDirectories[] = {"base",  "server", "client", "tests",
                                        "bench", "proto",  "cmake"};

bool IsSource(const fs::path& path) {
  return path.extension() == ".h" || path.extension() == ".cc" || path.extension() == ".cmake" ||
         path.filename() == "CMakeLists.txt";
}

TEST(ArchitectureTest, SourceTreeFollowsTheRules) {
  const fs::path root(SYNCLINE_SOURCE_DIR);
  std::vector<std::string> violations;
  int files = 0;
  for (const char* directory : kDirectories) {
    if (!fs::exists(root / directory)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / directory)) {
      if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
      ++files;
      std::stringstream content;
      content << std::ifstream(entry.path()).rdbuf();
      for (std::string& violation :
           CheckSource(fs::relative(entry.path(), root).string(), content.str())) {
        violations.push_back(std::move(violation));
      }
    }
  }
  EXPECT_GT(files, 50) << "the tree was not read";
  EXPECT_THAT(violations, IsEmpty()) << absl::StrJoin(violations, "\n");
}

TEST(SourceRulesTest, FindsForbiddenIncludes) {
  EXPECT_THAT(
      CheckSource("server/sync/session.cc",
                  "// comment\n#include <string>\n#include \"server/postgres/ledger.h\"\n"),
      ElementsAre(AllOf(StartsWith("server/sync/session.cc:3: sync may not include postgres"),
                        HasSubstr("base, dataflow, model, write"))));
  EXPECT_THAT(CheckSource("server/write/writer.cc", "#include <pqxx/pqxx>\n"),
              ElementsAre(HasSubstr("only postgres")));
  EXPECT_THAT(CheckSource("server/sync/x.cc", "#include <grpcpp/grpcpp.h>\n"),
              ElementsAre(HasSubstr("only client, rpc")));
  EXPECT_THAT(
      CheckSource("server/dataflow/x.cc", "#include \"syncline/v1/sync_service.grpc.pb.h\"\n"),
      ElementsAre(HasSubstr("generated services")));
  EXPECT_THAT(CheckSource("client/x.cc", "#include \"server/model/names.h\"\n"),
              ElementsAre(HasSubstr("client may not include model")));
  EXPECT_THAT(CheckSource("base/x.cc", "#include \"server/app.h\"\n"),
              ElementsAre(HasSubstr("base may not include app")));
}

TEST(SourceRulesTest, FindsIncludesOfHigherRooms) {
  EXPECT_THAT(CheckSource("server/postgres/table/x.cc",
                          "#include \"server/postgres/sql/cast_sql.h\"\n"
                          "#include \"server/postgres/swap/swap.h\"\n"),
              ElementsAre(AllOf(StartsWith("server/postgres/table/x.cc:2: postgres/table may not "
                                           "include postgres/swap"),
                                HasSubstr("postgres/connection, postgres/dependents"))));
  EXPECT_THAT(
      CheckSource("server/dataflow/text/x.cc", "#include \"server/dataflow/coercion/coercer.h\"\n"),
      ElementsAre(HasSubstr("may not include dataflow/coercion")));
  EXPECT_THAT(CheckSource("server/postgres/x.cc", ""), ElementsAre(HasSubstr("one of its rooms")));
}

TEST(SourceRulesTest, AllowsWhatTheTableAllows) {
  EXPECT_THAT(
      CheckSource("server/dataflow/x.cc",
                  "#include \"server/write/writer.h\"\n#include \"syncline/v1/records.pb.h\"\n"
                  "#include \"server/metrics/metrics.h\"\n#include <simdjson.h>\n"),
      IsEmpty());
  EXPECT_THAT(CheckSource("server/app.cc", "#include \"server/postgres/connection/database.h\"\n"),
              IsEmpty());
  EXPECT_THAT(CheckSource("server/app.cc", "pthread_create(t);\n"), SizeIs(1));
  EXPECT_THAT(CheckSource("server/thread_failure.cc", "pthread_create(t);\n"), IsEmpty());
  EXPECT_THAT(CheckSource("tests/e2e/x_test.cc", "#include <libpq-fe.h>\n"), IsEmpty());
}

TEST(SourceRulesTest, FindsForbiddenText) {
  const auto in_sync = [](const char* text) { return CheckSource("server/sync/x.cc", text); };
  EXPECT_THAT(in_sync("using namespace std;\n"), ElementsAre(HasSubstr(":1: no using namespace")));
  EXPECT_THAT(in_sync("\n\nstd::thread t;\n"), ElementsAre(HasSubstr(":3: threads")));
  EXPECT_THAT(in_sync("auto f = std::async(g);\n"), ElementsAre(HasSubstr(":1: threads")));
  EXPECT_THAT(in_sync("auto e = getenv(\"HOME\");\n"), ElementsAre(HasSubstr(":1: flags")));
  EXPECT_THAT(in_sync("ABSL_FLAG(int, n, 0, \"\");\n"), ElementsAre(HasSubstr(":1: flags")));
  EXPECT_THAT(in_sync("auto s = \"SELECT 1\";\n"), ElementsAre(HasSubstr(":1: SQL")));
  EXPECT_THAT(in_sync("\nauto s = R\"(\nDROP TABLE x)\";\n"), ElementsAre(HasSubstr(":2: SQL")));
  EXPECT_THAT(in_sync("auto s = \"select a from b\";\n"), ElementsAre(HasSubstr(":1: SQL")));
  EXPECT_THAT(CheckSource("tests/unit/x.cc", "using namespace std;\n"),
              ElementsAre(HasSubstr("no using namespace")));
}

TEST(SourceRulesTest, AllowsOtherText) {
  EXPECT_THAT(CheckSource("server/sync/x.cc",
                          "// using namespace std; \"SELECT 1\" getenv()\n"
                          "/* std::thread\n ABSL_FLAG */\n"
                          "auto s = \"cannot select \\\"SELECTED\\\"\";\n"
                          "const int n = 1'000'000; const char q = '\"';\n"
                          "auto m = \"std::thread using namespace getenv\";\n"
                          "auto i = std::this_thread::get_id();\n"),
              IsEmpty());
  EXPECT_THAT(CheckSource("server/postgres/sql/x.cc", "auto s = \"SELECT 1\";\n"), IsEmpty());
  EXPECT_THAT(CheckSource("server/config/x.cc", "auto e = getenv(\"HOME\");\n"), IsEmpty());
  EXPECT_THAT(CheckSource("client/cli.cc", "auto e = getenv(\"HOME\");\n"), IsEmpty());
  EXPECT_THAT(CheckSource("base/thread.cc", "std::thread t;\n"), IsEmpty());
}

TEST(SourceRulesTest, FindsNamesAndBuildFiles) {
  EXPECT_THAT(CheckSource("base/string_utils.h", "#pragma once\n"),
              ElementsAre(HasSubstr("named by its concept")));
  EXPECT_THAT(CheckSource("server/common/x.cc", ""), ::testing::SizeIs(2));
  EXPECT_THAT(CheckSource("base/x.h", "int x;\n"), ElementsAre(HasSubstr("#pragma once")));
  EXPECT_THAT(CheckSource("base/CMakeLists.txt", "# no GLOB\nfile(GLOB s *.cc)\n"),
              ElementsAre(HasSubstr(":2: CMake")));
}

TEST(SourceTextTest, KeepsLineNumbersAcrossCommentsAndRawStrings) {
  const SourceText text = ReadSource("a /* x\ny */ b\nR\"sql(1\n2)sql\"; \"t\" // \"u\"\nc\n");
  EXPECT_THAT(text.code, ElementsAre("a ", " b", "\"\"", "; \"\" ", "c", ""));
  ASSERT_EQ(text.literals.size(), 2u);
  EXPECT_EQ(text.literals[0].line, 3);
  EXPECT_EQ(text.literals[0].text, "1\n2");
  EXPECT_EQ(text.literals[1].line, 4);
}

}  // namespace
}  // namespace syncline::testing
