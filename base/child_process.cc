#include "base/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(10);

absl::Status ProcessError(absl::string_view what, int error) {
  return MakeError(absl::StatusCode::kInternal, absl::StrCat(what, ": ", strerror(error)),
                   {.reason = reason::kChildProcess});
}

std::vector<std::string> Environment(
    const std::vector<std::pair<std::string, std::string>>& additions) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool replaced =
        std::any_of(additions.begin(), additions.end(), [&](const auto& addition) {
          return absl::StartsWith(*entry, absl::StrCat(addition.first, "="));
        });
    if (!replaced) merged.emplace_back(*entry);
  }
  for (const auto& [name, value] : additions) merged.push_back(absl::StrCat(name, "=", value));
  return merged;
}

std::vector<char*> ToPointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Everything that the child needs. It is prepared before the fork, because afterwards only
// async-signal-safe calls are allowed: another thread may have held the allocator's lock.
struct Plan {
  char* const* argv;
  char* const* environment;
  std::array<int, 3> descriptors;
  const ProcessIdentity* run_as;
  int parent_death_signal;
  pid_t parent;
  int error_pipe;
};

bool Redirect(const std::array<int, 3>& descriptors) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  // First copies all three to numbers above 2, so that none is overwritten before it is used.
  std::array<int, 3> copies = {};
  for (size_t i = 0; i < copies.size(); ++i) {
    copies[i] = fcntl(descriptors[i] < 0 ? null : descriptors[i], F_DUPFD_CLOEXEC, 3);
    if (copies[i] < 0) return false;
  }
  for (size_t i = 0; i < copies.size(); ++i) {
    if (dup2(copies[i], static_cast<int>(i)) < 0) return false;
  }
  return true;
}

bool SwitchUser(const ProcessIdentity& identity) {
  return setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
         setgid(identity.gid) == 0 && setuid(identity.uid) == 0;
}

[[noreturn]] void RunChild(const Plan& plan) {
  sigset_t none;
  sigemptyset(&none);
  bool ready = sigprocmask(SIG_SETMASK, &none, nullptr) == 0 && setpgid(0, 0) == 0;
  signal(SIGPIPE, SIG_DFL);
  ready = ready && Redirect(plan.descriptors);
  if (ready && plan.run_as != nullptr) ready = SwitchUser(*plan.run_as);
  // This follows setuid, which clears the setting. The parent may already have ended.
  if (ready && plan.parent_death_signal != 0) {
    ready = prctl(PR_SET_PDEATHSIG, plan.parent_death_signal) == 0;
    if (getppid() != plan.parent) _exit(1);
  }
  if (ready) {
    environ = const_cast<char**>(plan.environment);
    execvp(plan.argv[0], plan.argv);
  }
  const int error = errno;
  const ssize_t written = write(plan.error_pipe, &error, sizeof(error));
  _exit(written == sizeof(error) ? 127 : 126);
}

}  // namespace

absl::StatusOr<ProcessIdentity> FindIdentity(absl::string_view name) {
  const std::string account(name);
  std::array<char, 16384> buffer;
  passwd entry = {};
  passwd* found = nullptr;
  getpwnam_r(account.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("this machine has no user \"", name, "\""),
                     {.reason = reason::kNoSuchUser});
  }
  ProcessIdentity identity = {.uid = entry.pw_uid, .gid = entry.pw_gid};
  int count = 64;
  identity.groups.resize(static_cast<size_t>(count));
  if (getgrouplist(account.c_str(), entry.pw_gid, identity.groups.data(), &count) < 0) count = 0;
  identity.groups.resize(static_cast<size_t>(count));
  return identity;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const ChildProcessOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argv = ToPointers(arguments);
  const std::vector<char*> environment_pointers = ToPointers(environment);
  std::array<int, 2> error_pipe = {};
  if (pipe2(error_pipe.data(), O_CLOEXEC) != 0) return ProcessError("pipe", errno);
  const Plan plan = {.argv = argv.data(),
                     .environment = environment_pointers.data(),
                     .descriptors = {options.stdin_fd, options.stdout_fd, options.stderr_fd},
                     .run_as = options.run_as ? &*options.run_as : nullptr,
                     .parent_death_signal = options.parent_death_signal,
                     .parent = getpid(),
                     .error_pipe = error_pipe[1]};
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan);
  const int fork_error = errno;
  close(error_pipe[1]);
  int error = 0;
  // A successful exec closes the pipe, and the read returns 0.
  const ssize_t got = pid < 0 ? 0 : read(error_pipe[0], &error, sizeof(error));
  close(error_pipe[0]);
  if (pid < 0) return ProcessError("fork", fork_error);
  std::unique_ptr<ChildProcess> child(new ChildProcess(pid));
  if (got != sizeof(error)) return child;
  child->Wait(absl::Seconds(5));
  if (error == ENOENT) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("no such program: ", options.arguments[0]),
                     {.reason = reason::kProgramMissing});
  }
  return ProcessError(absl::StrCat("cannot run ", options.arguments[0]), error);
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  KillGroup();
  Wait(absl::Seconds(10));
}

void ChildProcess::Signal(int signal) {
  if (running()) kill(pid_, signal);
}

void ChildProcess::KillGroup() {
  if (running()) kill(-pid_, SIGKILL);
}

std::optional<int> ChildProcess::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!exit_code_) {
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (ended < 0 && errno != EINTR) {
      exit_code_ = 255;  // other code has already reaped the child
    } else if (absl::Now() >= deadline) {
      return std::nullopt;
    } else {
      absl::SleepFor(kPollInterval);
    }
  }
  return exit_code_;
}

}  // namespace syncline
