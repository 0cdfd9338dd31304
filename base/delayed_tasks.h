// Tasks that run after a delay, without a thread of their own: a ticker calls RunDue.
//
// For work that gives its thread back while it waits. Thread-safe.
#pragma once

#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline {

class DelayedTasks {
 public:
  // Runs `task` in the first RunDue after `delay`. After Stop it drops the task.
  void Add(absl::Duration delay, std::function<void()> task);

  // Runs the tasks that are due, on this thread. They must not block.
  void RunDue();

  // Drops all tasks, now and from now on.
  void Stop();

 private:
  Mutex mutex_;
  // By the time on the monotonic clock.
  std::multimap<absl::Duration, std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
