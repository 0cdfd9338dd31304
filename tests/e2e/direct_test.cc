// The connector configured with a database instead of a server: a server runs inside its process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code = -1;
  std::string to_stdout;
  std::string to_stderr;
};

class DirectTest : public EndToEndTest {
 protected:
  void TearDown() override {
    if (!schema().empty())
      Execute("DROP SCHEMA IF EXISTS syncline CASCADE");  // the default schema of the ledger
    EndToEndTest::TearDown();
  }

  // Returns the members for the database of the tests, with another port or user if given.
  std::string Config(const std::string& port = "", const std::string& user = "") {
    const auto row = QueryText(
        "SELECT split_part(current_setting('unix_socket_directories'), ',', 1), "
        "current_setting('port'), current_database(), current_user");
    return WriteFile(
        "config.json",
        absl::StrCat(R"({"host":")", row[0][0], R"(","port":)", port.empty() ? row[0][1] : port,
                     R"(,"database":")", row[0][2], R"(","username":")",
                     user.empty() ? row[0][3] : user, R"(","password":"se'cret\\","ssl_mode":)",
                     R"({"mode":"prefer"},"schema":")", schema(), "\"}"));
  }

  Outcome Run(const std::vector<std::string>& arguments, const std::string& input = "") {
    ProcessOptions options;
    options.arguments = {SYNCLINE_CLIENT_BINARY};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    options.stdin_file = WriteFile("input.jsonl", input);
    Outcome outcome;
    const auto process = Process::Start(options);
    if (!process.ok()) return outcome;
    outcome.exit_code = (*process)->Wait(kPatience).value_or(-1);
    outcome.to_stdout = (*process)->Stdout();
    outcome.to_stderr = (*process)->Stderr();
    return outcome;
  }
};

TEST_F(DirectTest, ChecksAndWritesWithoutAServer) {
  const std::string config = Config();
  const Outcome check = Run({"check", "--config", config});
  EXPECT_EQ(check.exit_code, 0) << check.to_stderr;
  EXPECT_THAT(check.to_stdout, HasSubstr("SUCCEEDED"));
  const std::string catalog = WriteFile("catalog.json", R"({"streams":[{"stream":{"name":"rows",
    "json_schema":{"type":"object","properties":{"id":{"type":"integer"}}}},
    "destination_sync_mode":"append"}]})");
  const std::string input =
      R"({"type":"RECORD","record":{"stream":"rows","data":{"id":1},"emitted_at":1700000000000}})"
      "\n"
      R"({"type":"RECORD","record":{"stream":"rows","data":{"id":2},"emitted_at":1700000000000}})"
      "\n"
      R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"rows"},)"
      R"("stream_state":{"cursor":2}}}})"
      "\n";
  const Outcome write = Run({"write", "--config", config, "--catalog", catalog}, input);
  EXPECT_EQ(write.exit_code, 0) << write.to_stderr;
  EXPECT_THAT(write.to_stdout, HasSubstr("\"cursor\":2"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 2);
}

TEST_F(DirectTest, UnreachableDatabaseErrorHasNoPassword) {
  const Outcome check = Run({"check", "--config", Config("1")});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.to_stdout, AllOf(HasSubstr("FAILED"), HasSubstr("PGSQL.1"),
                                     HasSubstr("DB_UNREACHABLE"), Not(HasSubstr("se'cret"))));
  EXPECT_THAT(check.to_stderr, Not(HasSubstr("se'cret")));
  const Outcome unknown_role = Run({"check", "--config", Config("", "nobody_here")});
  EXPECT_EQ(unknown_role.exit_code, 1);
  EXPECT_THAT(unknown_role.to_stdout, AllOf(HasSubstr("nobody_here"), HasSubstr("DB_AUTH")));
}

}  // namespace
}  // namespace syncline::testing
