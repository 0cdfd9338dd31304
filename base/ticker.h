// Calls functions at fixed intervals on one owned thread.
//
// For periodic work: flushing by age, leases, health. A function that takes long delays the others
// and never overlaps itself.
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

  // Starts the thread. Each task runs for the first time after its interval.
  explicit Ticker(std::vector<Task> tasks);
  // Calls Stop().
  ~Ticker();

  // Waits for a running task; after that no task runs. Safe to call twice.
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
