#include "client/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "absl/time/clock.h"

namespace syncline::client {
namespace {

// Globals, because a signal handler has no other access to state.
std::atomic<bool> interrupted{false};
int pipe_fds[2] = {-1, -1};

void OnSignal(int) {
  const int saved_errno = errno;
  interrupted.store(true);
  const char byte = 1;
  if (write(pipe_fds[1], &byte, 1) < 0) errno = 0;  // a full pipe is already readable
  errno = saved_errno;
}

}  // namespace

void InstallInterruptHandler() {
  if (pipe_fds[0] >= 0 || pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0) return;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted.load(); }

bool SleepUnlessInterrupted(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  while (!Interrupted()) {
    const absl::Duration left = until - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd wait = {pipe_fds[0], POLLIN, 0};  // poll ignores a negative descriptor
    const int64_t left_ms = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 60'000);
    poll(&wait, 1, static_cast<int>(left_ms));
  }
  return true;
}

int InterruptFd() { return pipe_fds[0]; }

}  // namespace syncline::client
