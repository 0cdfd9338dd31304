// Runs the commands and the Python example of README.md as written, except for the server's address
// and the schema.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

std::string Readme() { return ReadFile(SYNCLINE_SOURCE_DIR "/README.md").value_or(""); }

// Returns the first code block of this language after `heading`.
std::string CodeBlock(absl::string_view heading, absl::string_view language) {
  const std::string readme = Readme();
  const std::string fence = absl::StrCat("```", language, "\n");
  size_t begin = readme.find(absl::StrCat("\n## ", heading, "\n"));
  if (begin != std::string::npos) begin = readme.find(fence, begin);
  if (begin == std::string::npos) return "";
  begin += fence.size();
  return readme.substr(begin, readme.find("```", begin) - begin);
}

class ReadmeTest : public ServerTest {
 protected:
  // Runs `command` in this test's directory, with the programs on the path and the server's address
  // in the environment. Returns the exit code and stores the output in output_.
  int Shell(absl::string_view command) {
    ProcessOptions options;
    const std::string client = SYNCLINE_CLIENT_BINARY;
    options.arguments = {"/bin/sh", "-c", absl::StrCat("cd ", files().path(), " && ", command)};
    options.environment = {
        {"PATH", absl::StrCat(client.substr(0, client.rfind('/')), ":/usr/bin:/bin")},
        {"SYNCLINE_SERVER", server_->address()}};
    const auto process = Process::Start(options);
    if (!process.ok()) return -1;
    const int code = (*process)->Wait(kPatience).value_or(-1);
    output_ = absl::StrCat((*process)->Stdout(), (*process)->Stderr());
    return code;
  }

  std::string output_;
};

TEST_F(ReadmeTest, CommandsOfWhatYouGetWork) {
  ASSERT_EQ(Shell("cp " SYNCLINE_SOURCE_DIR "/examples/people.* " SYNCLINE_SOURCE_DIR
                  "/examples/messages.jsonl . && cp " SYNCLINE_SOURCE_DIR
                  "/examples/catalog_append.json catalog.json && gzip -k people.csv"),
            0)
      << output_;
  WriteFile("config.json", absl::StrCat("{\"server\":\"", server_->address(), "\",\"schema\":\"",
                                        schema(), "\"}"));
  std::string sync_id;
  int commands = 0;
  for (absl::string_view line : absl::StrSplit(CodeBlock("What you get", "sh"), '\n')) {
    line = line.substr(0, line.find(" #"));
    for (absl::string_view command : absl::StrSplit(line, ';', absl::SkipWhitespace())) {
      if (!absl::StartsWith(absl::StripAsciiWhitespace(command), "syncline ")) continue;
      const std::string mine = absl::StrReplaceAll(
          command, {{"SYNC", sync_id}, {"public.people", absl::StrCat(schema(), ".people")}});
      EXPECT_EQ(Shell(mine), 0) << command << "\n" << output_;
      ++commands;
      const size_t at = output_.find("sync_id load-");
      if (at != std::string::npos) sync_id = output_.substr(at + 8, output_.find(':', at) - at - 8);
    }
  }
  EXPECT_GE(commands, 8);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("people"))), 3)
      << "the last load replaces the others";
}

TEST_F(ReadmeTest, PythonExampleRunsTwice) {
  if (Shell("/usr/bin/python3 -c 'import grpc'") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "python3-grpcio is not installed: scripts/setup";
    GTEST_SKIP() << "python3-grpcio is not installed";
  }
  // pip would install googleapis-common-protos, which Debian does not package. The test generates
  // its messages.
  ASSERT_EQ(Shell("protoc -I " SYNCLINE_SOURCE_DIR "/proto --python_out=. " SYNCLINE_SOURCE_DIR
                  "/proto/google/rpc/*.proto"),
            0)
      << output_;
  const std::string example = CodeBlock("Load something", "python");
  ASSERT_THAT(example, HasSubstr("127.0.0.1:50051"));
  ASSERT_THAT(example, HasSubstr("namespace=\"shop\""));
  WriteFile("example.py", absl::StrReplaceAll(example, {{"127.0.0.1:50051", server_->address()},
                                                        {"\"shop\"", "\"" + schema() + "\""}}));
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(Shell("PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=.:" SYNCLINE_SOURCE_DIR
                    "/clients/python/src /usr/bin/python3 example.py"),
              0)
        << output_;
    EXPECT_THAT(output_, HasSubstr("2 rows"));
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("people"))), 2);
  }
}

TEST_F(ReadmeTest, NamesEveryVerb) {
  ASSERT_EQ(Shell("syncline --help"), 0);
  const std::string block = CodeBlock("What you get", "sh");
  for (const char* const verb :
       {"load", "write", "list", "status", "rejected", "watch", "cancel"}) {
    EXPECT_THAT(block, HasSubstr(absl::StrCat("syncline ", verb)));
    EXPECT_THAT(output_, HasSubstr(absl::StrCat("\n  ", verb, " ")));
  }
}

}  // namespace
}  // namespace syncline::testing
