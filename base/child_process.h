// A program that we started: owned, its end waited for, never left behind as a zombie.
//
// Used by one thread. Start it from a thread that lives as long as the child when
// `parent_death_signal` is set: the kernel sends that signal when the starting thread ends
// (prctl(2), PR_SET_PDEATHSIG).
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

// Whom a child runs as, when we are root.
struct ProcessIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};
};

// The account `name` of this machine. Errors: NOT_FOUND NO_SUCH_USER.
absl::StatusOr<ProcessIdentity> FindIdentity(absl::string_view name);

struct ChildProcessOptions {
  // The program and its arguments; searched for in PATH when it has no slash.
  std::vector<std::string> arguments;
  // Added to our environment, or in the place of what it has.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Descriptors that become 0, 1 and 2; they stay the caller's. -1 is /dev/null.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::optional<ProcessIdentity> run_as = std::nullopt;
  // Sent to the child when we die, however that happens; 0 for none.
  int parent_death_signal = 0;
};

class ChildProcess {
 public:
  // Starts it in a process group of its own, so that a Ctrl-C at our terminal is ours alone.
  // Errors: NOT_FOUND PROGRAM_MISSING, INTERNAL CHILD_PROCESS.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildProcessOptions& options);

  // Kills what still runs, the whole group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Sends `signal` to the child alone; nothing when it has ended.
  void Signal(int signal);
  // SIGKILL for the whole group.
  void KillGroup();

  // The exit code (128 + signal when a signal ended it), or nothing when it still runs after
  // `timeout`.
  std::optional<int> Wait(absl::Duration timeout);
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  std::optional<int> exit_code_;
};

}  // namespace syncline
