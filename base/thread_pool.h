// A fixed number of owned threads that run tasks in the order they were given.
//
// Tasks may block (a flush waits for the database); whoever sizes the pool counts with that.
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
  // Shutdown().
  ~ThreadPool();

  // Queues `task`. False, and the task is dropped, after Shutdown.
  bool Post(std::function<void()> task);

  // Runs what is queued, then stops and joins the threads. Not from a task. Safe to call twice.
  void Shutdown();

  int threads() const { return thread_count_; }

 private:
  void Work();

  const int thread_count_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Thread>> workers_;  // last: started when all else stands
};

}  // namespace syncline
