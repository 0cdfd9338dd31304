// A program under test, started with its output in files and, if requested, a pipe as its input.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/child_process.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

struct ProcessOptions {
  // The program and its arguments.
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Its input: a file, a pipe for WriteStdin, or nothing.
  std::string stdin_file = {};
  bool stdin_pipe = false;
};

class Process {
 public:
  static absl::StatusOr<std::unique_ptr<Process>> Start(const ProcessOptions& options);

  // Kills the program if it is still running. The test fails if a sanitizer has reported an error
  // of the program: such a report need not end it, and a program that is killed has no exit code.
  ~Process();

  pid_t pid() const { return child_->pid(); }

  // Blocks while the pipe is full. Returns UNAVAILABLE if the program no longer reads.
  absl::Status WriteStdin(absl::string_view bytes);
  // Closes the pipe, so that the program reads the end of its input.
  void CloseStdin();

  // The output that it has written so far.
  std::string Stdout() const;
  std::string Stderr() const;

  // Waits until it has written `text`. Returns false after `timeout`, or if it ended without
  // writing it.
  bool WaitForStdout(absl::string_view text, absl::Duration timeout);
  bool WaitForStderr(absl::string_view text, absl::Duration timeout);

  // Returns the exit code (128 + signal if a signal ended it), or nothing if it is still running
  // after `timeout`.
  std::optional<int> Wait(absl::Duration timeout) { return child_->Wait(timeout); }
  void Signal(int signal) { child_->Signal(signal); }
  // Sends SIGKILL and waits for the end.
  void Kill();

 private:
  Process() : directory_("process") {}
  bool WaitForText(const std::string& file, absl::string_view text, absl::Duration timeout);

  TemporaryDirectory directory_;
  int stdin_fd_ = -1;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace syncline::testing
