// A child process that is owned and waited for, so that it never remains as a zombie.
//
// For use by one thread. With `parent_death_signal`, start it from a thread that lives as long as
// the child, because the kernel sends that signal when the starting thread ends (prctl(2),
// PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline {

// The account that a child runs as if this process is root.
struct ProcessIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};
};

// Returns the account `name` of this machine. Errors: NOT_FOUND NO_SUCH_USER.
absl::StatusOr<ProcessIdentity> FindIdentity(absl::string_view name);

struct ChildProcessOptions {
  // The program and its arguments. A program without a slash is searched for in PATH.
  std::vector<std::string> arguments;
  // Added to this process's environment; replaces variables of the same name.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Descriptors that become 0, 1 and 2. They remain owned by the caller. -1 means /dev/null.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::optional<ProcessIdentity> run_as = std::nullopt;
  // Signal that the child receives when this process dies for any reason; 0 means none.
  int parent_death_signal = 0;
};

class ChildProcess {
 public:
  // Starts the child in a process group of its own, so that Ctrl-C in the terminal does not reach
  // it.
  // Errors: NOT_FOUND PROGRAM_MISSING, INTERNAL CHILD_PROCESS.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildProcessOptions& options);

  // Kills the whole process group if it is still running.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Sends `signal` to the child only. Does nothing if it has ended.
  void Signal(int signal);
  // Sends SIGKILL to the whole process group.
  void KillGroup();

  // Returns the exit code (128 + signal if a signal ended it), or nullopt if the child is still
  // running after `timeout`.
  std::optional<int> Wait(absl::Duration timeout);
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  std::optional<int> exit_code_;
};

}  // namespace syncline
