// Child processes as the embedded database and the end-to-end tests start them.
#include "tests/support/process.h"

#include <gtest/gtest-spi.h>
#include <signal.h>

#include <fstream>
#include <string>

#include "base/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

TEST(ProcessTest, PassesInputAndReturnsTheExitCode) {
  ASSERT_OK_AND_ASSIGN(const auto process,
                       Process::Start({.arguments = {"sh", "-c", "cat; echo $WORD >&2; exit 7"},
                                       .environment = {{"WORD", "said"}},
                                       .stdin_pipe = true}));
  ASSERT_OK(process->WriteStdin("one\n"));
  EXPECT_TRUE(process->WaitForStdout("one", absl::Seconds(30)));
  EXPECT_FALSE(process->Wait(absl::ZeroDuration()).has_value());
  ASSERT_OK(process->WriteStdin("two\n"));
  process->CloseStdin();
  EXPECT_EQ(process->Wait(absl::Seconds(30)), 7);
  EXPECT_EQ(process->Stdout(), "one\ntwo\n");
  EXPECT_EQ(process->Stderr(), "said\n");
}

TEST(ProcessTest, ReadsAFile) {
  const TemporaryDirectory directory("process-test");
  std::ofstream(directory.Path("in")) << "content";
  ASSERT_OK_AND_ASSIGN(const auto process,
                       Process::Start({.arguments = {"cat"}, .stdin_file = directory.Path("in")}));
  EXPECT_EQ(process->Wait(absl::Seconds(30)), 0);
  EXPECT_EQ(process->Stdout(), "content");
}

TEST(ProcessTest, ReturnsSignalsAsShellsDo) {
  ASSERT_OK_AND_ASSIGN(const auto stopped, Process::Start({.arguments = {"sleep", "600"}}));
  stopped->Signal(SIGTERM);
  EXPECT_EQ(stopped->Wait(absl::Seconds(30)), 128 + SIGTERM);
  ASSERT_OK_AND_ASSIGN(const auto killed, Process::Start({.arguments = {"sleep", "600"}}));
  killed->Kill();
  EXPECT_EQ(killed->Wait(absl::ZeroDuration()), 128 + SIGKILL);
  EXPECT_FALSE(killed->WaitForStdout("never", absl::Seconds(30)));
}

TEST(ProcessTest, WritingToAnEndedReaderFails) {
  ASSERT_OK_AND_ASSIGN(const auto process,
                       Process::Start({.arguments = {"true"}, .stdin_pipe = true}));
  EXPECT_EQ(process->Wait(absl::Seconds(30)), 0);
  EXPECT_THAT(process->WriteStdin("x"), StatusIs(StatusCode::kUnavailable));
}

TEST(ProcessTest, ReportsOfSanitizersAreFailures) {
  for (const char* const report :
       {"SUMMARY: ThreadSanitizer: data race a.cc:7 in Run", "a.cc:7:3: runtime error: overflow"}) {
    EXPECT_NONFATAL_FAILURE(
        {
          const auto process =
              Process::Start({.arguments = {"sh", "-c", "echo \"$0\" >&2; sleep 600", report}});
          ASSERT_OK(process.status());
          EXPECT_TRUE((*process)->WaitForStderr(report, absl::Seconds(30)));
        },
        report);
  }
}

TEST(ChildProcessTest, DistinguishesMissingProgramAndUser) {
  EXPECT_THAT(ChildProcess::Start({.arguments = {"/nonexistent/program"}}),
              StatusIs(StatusCode::kNotFound, "PROGRAM_MISSING"));
  EXPECT_THAT(ChildProcess::Start({.arguments = {"/"}}),
              StatusIs(StatusCode::kInternal, "CHILD_PROCESS"));
  EXPECT_THAT(FindIdentity("no-such-user-here"), StatusIs(StatusCode::kNotFound, "NO_SUCH_USER"));
}

TEST(ChildProcessTest, DestructorKillsTheWholeGroup) {
  const TemporaryDirectory directory("process-test");
  const std::string fifo = directory.Path("fifo");
  {
    // The grandchild holds the write end of the pipe open. The reader sees the end of the pipe only
    // after all of them have exited.
    ASSERT_OK_AND_ASSIGN(
        const auto maker,
        Process::Start({.arguments = {"sh", "-c", "mkfifo " + fifo + " && echo made"}}));
    ASSERT_EQ(maker->Wait(absl::Seconds(30)), 0);
  }
  ASSERT_OK_AND_ASSIGN(const auto reader, Process::Start({.arguments = {"cat", fifo}}));
  {
    ASSERT_OK_AND_ASSIGN(
        const auto family,
        ChildProcess::Start(
            {.arguments = {"sh", "-c",
                           "exec >" + fifo + "; echo born; sleep 600 & sleep 600; wait"}}));
    EXPECT_TRUE(reader->WaitForStdout("born", absl::Seconds(30)));
    EXPECT_TRUE(family->running());
  }
  EXPECT_EQ(reader->Wait(absl::Seconds(30)), 0);
}

}  // namespace
}  // namespace syncline::testing
