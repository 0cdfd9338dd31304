// Calls functions at fixed intervals, all on one owned thread.
//
// For what time drives: flushing by age, leases, health. A function that takes long delays the
// others, never overlaps itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {

class Ticker {
 public:
  struct Task {
    absl::Duration interval;
    std::function<void()> run;
  };

  // Starts the thread; each task runs first after its interval.
  explicit Ticker(std::vector<Task> tasks);
  // Stop().
  ~Ticker();

  // Waits for a running task, then no more run. Safe to call twice.
  void Stop();

 private:
  void Run();

  const std::vector<Task> tasks_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace syncline
