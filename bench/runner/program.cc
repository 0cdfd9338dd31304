#include "bench/runner/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "bench/runner/process_usage.h"

namespace syncline::bench {
namespace {

constexpr size_t kMaxErrorBytes = 2000;

std::string OutputFile(const std::string& directory, const char* kind) {
  static std::atomic<int> number = 0;
  return absl::StrCat(directory, "/", kind, ".", ++number);
}

absl::StatusOr<int> Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return absl::InternalError(absl::StrCat(path, ": ", strerror(errno)));
  return fd;
}

// Descriptors of this process that the child has duplicated.
struct OwnedDescriptors {
  std::vector<int> fds;
  ~OwnedDescriptors() {
    for (const int fd : fds) close(fd);
  }
};

}  // namespace

Program::Program(std::string name, const std::string& directory)
    : name_(std::move(name)),
      stdout_file_(OutputFile(directory, "stdout")),
      stderr_file_(OutputFile(directory, "stderr")) {}

Program::~Program() {
  child_.reset();
  unlink(stdout_file_.c_str());
  unlink(stderr_file_.c_str());
}

absl::StatusOr<std::unique_ptr<Program>> Program::Start(const ProgramOptions& options,
                                                        const std::string& directory) {
  std::unique_ptr<Program> program(new Program(options.arguments[0], directory));
  OwnedDescriptors owned;
  constexpr int kCreate = O_WRONLY | O_CREAT | O_TRUNC;
  ChildProcessOptions child;
  child.arguments = options.arguments;
  child.parent_death_signal = SIGKILL;
  SYNCLINE_ASSIGN_OR_RETURN(child.stderr_fd, Open(program->stderr_file_, kCreate));
  owned.fds.push_back(child.stderr_fd);
  child.stdout_fd = options.stdout_fd;
  if (options.stdout_fd < 0) {
    SYNCLINE_ASSIGN_OR_RETURN(
        child.stdout_fd,
        Open(options.stdout_file.empty() ? program->stdout_file_ : options.stdout_file, kCreate));
    owned.fds.push_back(child.stdout_fd);
  }
  child.stdin_fd = options.stdin_fd;
  if (!options.stdin_file.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(child.stdin_fd, Open(options.stdin_file, O_RDONLY));
    owned.fds.push_back(child.stdin_fd);
  }
  program->began_ = absl::Now();
  SYNCLINE_ASSIGN_OR_RETURN(program->child_, ChildProcess::Start(child));
  return program;
}

absl::StatusOr<ProgramEnd> Program::Wait() {
  // ChildProcess::Wait polls, and its interval would add to the measured time.
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(child_->pid()), &info, WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) return absl::InternalError(absl::StrCat("waitid: ", strerror(errno)));
  }
  ProgramEnd end;
  end.seconds = absl::ToDoubleSeconds(absl::Now() - began_);
  end.cpu_seconds = CpuSeconds(child_->pid());
  const int code = child_->Wait(absl::InfiniteDuration()).value_or(-1);
  end.output = ReadFile(stdout_file_).value_or("");
  if (code == 0) return end;
  const std::string words = ReadFile(stderr_file_).value_or("");
  return absl::InternalError(
      absl::StrCat(name_, " exited with ", code, ": ",
                   words.substr(words.size() - std::min(words.size(), kMaxErrorBytes))));
}

absl::StatusOr<ProgramEnd> RunProgram(const ProgramOptions& options, const std::string& directory) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<Program> program,
                            Program::Start(options, directory));
  return program->Wait();
}

}  // namespace syncline::bench
