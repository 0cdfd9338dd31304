// A fixed number of owned threads that run tasks in the order in which they were posted.
//
// Tasks may block (a flush waits for the database), so the number of threads must allow for that.
// Tasks may belong to a group, such as those of one stream. A limit for groups prevents one group
// from using all threads. Thread-safe.
#pragma once

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
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {

class ThreadPool {
 public:
  // Starts `threads` (at least 1) threads, named "<name>-<n>". At most `max_per_group` tasks of one
  // group run at the same time; 0 means that groups have no limit.
  ThreadPool(absl::string_view name, int threads, int max_per_group = 0);
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

  int threads() const { return thread_count_; }

 private:
  struct Task {
    std::function<void()> run;
    std::optional<uint64_t> group;
  };
  struct Group {
    int admitted = 0;  // tasks that are in the queue or running
    std::deque<std::function<void()>> waiting;
  };

  void Work();
  // Queues the next task of `group`, one of whose tasks has ended.
  void Leave(uint64_t group);

  const int thread_count_;
  const int max_per_group_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  // Only groups with admitted tasks.
  std::unordered_map<uint64_t, Group> groups_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Thread>> workers_;  // last: started when all other members exist
};

}  // namespace syncline
