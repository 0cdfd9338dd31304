#include "server/postgres/embedded/leftover_server.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"

namespace syncline::postgres {
namespace {

// Returns the postgres processes whose working directory is `directory`, because every process of
// PostgreSQL works in its data directory. The pid in postmaster.pid alone is not enough: it may
// belong to another program by now.
std::vector<pid_t> ProcessesIn(const std::filesystem::path& directory) {
  std::vector<pid_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(at->path().filename().string(), &pid) || pid == getpid()) continue;
    std::error_code gone;
    if (std::filesystem::read_symlink(at->path() / "cwd", gone) == directory && !gone) {
      std::ifstream name(at->path() / "comm");
      std::string command;
      if (name >> command && command == "postgres") found.push_back(pid);
    }
  }
  return found;
}

pid_t PostmasterPid(const std::string& data_directory) {
  std::ifstream file(absl::StrCat(data_directory, "/postmaster.pid"));
  pid_t pid = 0;
  return file >> pid ? pid : 0;
}

bool WaitUntilNone(const std::filesystem::path& directory, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!ProcessesIn(directory).empty()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

}  // namespace

absl::Status StopLeftoverServer(const std::string& data_directory, absl::Duration timeout) {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::canonical(data_directory, error);
  if (error) return absl::OkStatus();
  // Children end with their postmaster, so only a postmaster gets SIGINT and SIGQUIT. Without one,
  // and for SIGKILL, all processes get the signal.
  for (const int signal : {SIGINT, SIGQUIT, SIGKILL}) {
    std::vector<pid_t> pids = ProcessesIn(directory);
    if (pids.empty()) break;
    const pid_t postmaster = PostmasterPid(data_directory);
    Log(LogLevel::kWarning, "embedded_postgres_left_behind")
        .Field("postmaster_pid", static_cast<int64_t>(postmaster))
        .Field("signal", signal);
    if (signal != SIGKILL && std::find(pids.begin(), pids.end(), postmaster) != pids.end()) {
      pids = {postmaster};
    }
    for (const pid_t pid : pids) kill(pid, signal);
    if (WaitUntilNone(directory, timeout / 3)) break;
  }
  if (!ProcessesIn(directory).empty()) {
    return MakeError(absl::StatusCode::kDeadlineExceeded,
                     "a PostgreSQL server that remained from an earlier run did not stop",
                     {.reason = reason::kEmbeddedStart});
  }
  // PostgreSQL would refuse to start if the pid in the file now belongs to another process of the
  // same user.
  std::filesystem::remove(directory / "postmaster.pid", error);
  return absl::OkStatus();
}

}  // namespace syncline::postgres
