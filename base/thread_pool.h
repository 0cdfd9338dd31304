// A fixed number of owned threads that run tasks in the order in which they were posted.
//
// Tasks may block (a flush waits for the database), so the number of threads must allow for that.
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {

class ThreadPool {
 public:
  // Starts `threads` (at least 1) threads, named "<name>-<n>".
  ThreadPool(absl::string_view name, int threads);
  // Calls Shutdown().
  ~ThreadPool();

  // Queues `task`. After Shutdown it drops the task and returns false.
  bool Post(std::function<void()> task);

  // Runs the queued tasks, then stops and joins the threads. Must not be called from a task. Safe
  // to call twice.
  void Shutdown();

  int threads() const { return thread_count_; }

 private:
  void Work();

  const int thread_count_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Thread>> workers_;  // last: started when all other members exist
};

}  // namespace syncline
