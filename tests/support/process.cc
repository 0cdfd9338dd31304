#include "tests/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"

namespace syncline::testing {
namespace {

constexpr char kStdout[] = "stdout";
constexpr char kStderr[] = "stderr";

int Create(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const ProcessOptions& options) {
  // If a program stops reading, write(2) must fail instead of ending the test.
  signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Process> process(new Process());
  ChildProcessOptions child;
  child.arguments = options.arguments;
  child.environment = options.environment;
  child.parent_death_signal = SIGKILL;
  child.stdout_fd = Create(process->directory_.Path(kStdout));
  child.stderr_fd = Create(process->directory_.Path(kStderr));
  std::array<int, 2> pipe_fds = {-1, -1};
  if (options.stdin_pipe && pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
    return absl::InternalError("no pipe");
  }
  child.stdin_fd = pipe_fds[0];
  process->stdin_fd_ = pipe_fds[1];
  if (!options.stdin_file.empty()) {
    child.stdin_fd = open(options.stdin_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (child.stdin_fd < 0) return absl::NotFoundError(options.stdin_file);
  }
  absl::StatusOr<std::unique_ptr<ChildProcess>> started = ChildProcess::Start(child);
  for (const int fd : {child.stdin_fd, child.stdout_fd, child.stderr_fd}) {
    if (fd >= 0) close(fd);
  }
  if (!started.ok()) return started.status();
  process->child_ = *std::move(started);
  return process;
}

Process::~Process() {
  CloseStdin();
  const std::string log = Stderr();
  const bool summarized =
      absl::StrContains(log, "SUMMARY: ") && absl::StrContains(log, "Sanitizer: ");
  if (summarized || absl::StrContains(log, ": runtime error: ")) {
    ADD_FAILURE() << "a sanitizer reported:\n" << log;
  }
}

absl::Status Process::WriteStdin(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(stdin_fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::UnavailableError("the program does not read its input");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

void Process::CloseStdin() {
  if (stdin_fd_ >= 0) close(stdin_fd_);
  stdin_fd_ = -1;
}

std::string Process::Stdout() const { return ReadFile(directory_.Path(kStdout)).value_or(""); }
std::string Process::Stderr() const { return ReadFile(directory_.Path(kStderr)).value_or(""); }

bool Process::WaitForStdout(absl::string_view text, absl::Duration timeout) {
  return WaitForText(directory_.Path(kStdout), text, timeout);
}

bool Process::WaitForStderr(absl::string_view text, absl::Duration timeout) {
  return WaitForText(directory_.Path(kStderr), text, timeout);
}

bool Process::WaitForText(const std::string& file, absl::string_view text, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (absl::Now() < deadline) {
    // Check for the end before reading: everything written before the end is then in the file.
    const bool ended = Wait(absl::Milliseconds(10)).has_value();
    if (absl::StrContains(ReadFile(file).value_or(""), text)) return true;
    if (ended) return false;
  }
  return false;
}

void Process::Kill() {
  child_->Signal(SIGKILL);
  child_->Wait(absl::Seconds(10));
}

}  // namespace syncline::testing
