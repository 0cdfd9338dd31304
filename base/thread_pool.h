// Owned threads that run tasks in the order in which they were posted.
//
// Tasks may block (a flush waits for the database), so the number of threads must allow for that.
// Tasks may belong to a group, such as those of one stream. A limit for groups prevents one group
// from using all threads. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/adaptive_polling.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {

class ThreadPool {
 public:
  struct Limits {
    // Maximum tasks of one group that run at the same time. 0: no limit.
    int max_per_group = 0;
    // Up to this number of threads are started when a task would wait for a thread, for tasks that
    // rarely block, but then for long. They stay. 0: no more than at first.
    int max_threads = 0;
    // How long one thread without a task polls for the next one before it sleeps, where
    // AdaptivePolling allows that. 0: it sleeps at once. For tasks that are often posted so soon
    // after the one before that a wake-up would take most of the time between them.
    absl::Duration linger = absl::ZeroDuration();
  };

  // Starts `threads` (at least 1) threads, named "<name>-<n>".
  ThreadPool(absl::string_view name, int threads) : ThreadPool(name, threads, Limits()) {}
  ThreadPool(absl::string_view name, int threads, const Limits& limits);
  // Calls Shutdown().
  ~ThreadPool();

  // Queues `task`. After Shutdown it drops the task and returns false.
  bool Post(std::function<void()> task);
  // Queues `task` of `group`. While the group is at its limit, its tasks wait outside of the queue,
  // in their order, so that tasks of other groups run before them.
  bool Post(uint64_t group, std::function<void()> task);

  // Runs the queued tasks, then stops and joins the threads. Must not be called from a task. Safe
  // to call twice.
  void Shutdown();

  // The maximum number of threads.
  int threads() const { return max_threads_; }

 private:
  struct Task {
    std::function<void()> run;
    std::optional<uint64_t> group;
  };
  struct Group {
    int admitted = 0;  // tasks that are in the queue or running
    std::deque<std::function<void()>> waiting;
  };

  void StartWorker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work();
  // Queues a task and makes sure that a thread will take it. Returns whether to wake one.
  bool Queue(Task task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the wait of the thread that lingers. Returns false if none does, or one does for longer
  // than it should, which presumably has no processor.
  bool EndLinger() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks for a task for up to `linger_`, if that is worthwhile and no other thread does.
  void Linger();
  // Queues the next task of `group`, one of whose tasks has ended.
  void Leave(uint64_t group);

  const std::string name_;
  const int max_threads_;
  const int max_per_group_;
  const absl::Duration linger_;
  AdaptivePolling polling_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  // Only groups with admitted tasks.
  std::unordered_map<uint64_t, Group> groups_ ABSL_GUARDED_BY(mutex_);
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;  // workers that wait for a task
  // To be set when a task is queued for the thread that lingers, or the pool stops. Null if none
  // lingers, or its wait has been ended.
  std::atomic<bool>* lingering_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Duration lingers_until_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Thread>> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline
