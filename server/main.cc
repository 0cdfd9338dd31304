// syncline-server: flags -> Config -> App -> wait for a signal -> drain.
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/synchronization/mutex.h"
#include "base/descriptor_limit.h"
#include "base/log.h"
#include "server/app.h"
#include "server/config/config.h"
#include "server/thread_failure.h"

namespace {

// Limits malloc's heaps; docs/performance.md, "Memory", has the figures. malloc would create eight
// heaps per core, one for each thread here, and what short syncs leave scattered in all of them
// makes the process grow for hours. Blocks of rows and messages are larger than the mmap threshold,
// so they stay out of the heaps and return to the kernel when they are freed; malloc's own
// threshold would rise when the first of them is freed.
void ConfigureMalloc() {
  const auto cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  mallopt(M_ARENA_MAX, std::max(2, cores));
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  ConfigureMalloc();  // before any thread starts
  // Debian compiles abseil with its checks, so that every lock of gRPC would be searched for
  // deadlocks, in a graph that the whole process shares.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  syncline::RaiseDescriptorLimit();
  const syncline::config::Loaded loaded = syncline::config::Load(argc, argv);
  if (!loaded.config.has_value()) return loaded.exit_code;

  // Blocked before any thread starts, so that only sigwait below receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  absl::StatusOr<std::unique_ptr<syncline::App>> app = syncline::App::Create(*loaded.config);
  if (!app.ok()) {
    syncline::Log(syncline::LogLevel::kError, "start_failed").Error(app.status());
    return 1;
  }
  int received = 0;
  sigwait(&signals, &received);
  syncline::Log(syncline::LogLevel::kInfo, "signal_received").Field("signal", received);
  // A second signal ends the process immediately; everything acknowledged is committed.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*app)->Drain();
  return syncline::HasThreadFailed() ? 1 : 0;
}
