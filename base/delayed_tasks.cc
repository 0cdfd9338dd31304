#include "base/delayed_tasks.h"

#include <utility>
#include <vector>

#include "base/monotonic_time.h"

namespace syncline {

void DelayedTasks::Add(absl::Duration delay, std::function<void()> task) {
  MutexLock lock(&mutex_);
  if (!stopped_) tasks_.emplace(MonotonicNow() + delay, std::move(task));
}

void DelayedTasks::RunDue() {
  std::vector<std::function<void()>> due;
  {
    MutexLock lock(&mutex_);
    const auto end = tasks_.upper_bound(MonotonicNow());
    for (auto task = tasks_.begin(); task != end; ++task) due.push_back(std::move(task->second));
    tasks_.erase(tasks_.begin(), end);
  }
  for (const std::function<void()>& task : due) task();
}

void DelayedTasks::Stop() {
  std::multimap<absl::Duration, std::function<void()>> dropped;  // destroyed after the lock
  MutexLock lock(&mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
}

}  // namespace syncline
