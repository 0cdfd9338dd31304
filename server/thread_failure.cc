#include "server/thread_failure.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/log.h"

namespace syncline {
namespace {

std::atomic<bool> thread_failed = false;

}  // namespace

bool HasThreadFailed() { return thread_failed; }

void ReportThreadFailure(int error) {
  if (thread_failed.exchange(true)) return;
  Log(LogLevel::kError, "no_thread")
      .Field("error", strerror(error))
      .Field("message",
             "the system starts no more threads for this process, which stops: its limit of "
             "processes (ulimit -u, TasksMax, pids.max) is too low, or memory is exhausted");
  kill(getpid(), SIGTERM);
}

}  // namespace syncline

// A sanitizer has a pthread_create of its own, which must not be replaced.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  static const auto create =
      reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  const int error = create(thread, attributes, start, argument);
  if (error != 0) syncline::ReportThreadFailure(error);
  return error;
}
#endif
