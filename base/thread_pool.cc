#include "base/thread_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline {

ThreadPool::ThreadPool(absl::string_view name, int threads, int max_per_group)
    : thread_count_(std::max(1, threads)), max_per_group_(max_per_group) {
  for (int i = 0; i < thread_count_; ++i) {
    workers_.push_back(std::make_unique<Thread>(absl::StrCat(name, "-", i), [this] { Work(); }));
  }
}

ThreadPool::~ThreadPool() { Shutdown(); }

bool ThreadPool::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    tasks_.push_back({std::move(task), std::nullopt});
  }
  wake_.NotifyOne();
  return true;
}

bool ThreadPool::Post(uint64_t group, std::function<void()> task) {
  if (max_per_group_ == 0) return Post(std::move(task));
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    Group& members = groups_[group];
    if (members.admitted == max_per_group_) {
      members.waiting.push_back(std::move(task));
      return true;
    }
    ++members.admitted;
    tasks_.push_back({std::move(task), group});
  }
  wake_.NotifyOne();
  return true;
}

void ThreadPool::Leave(uint64_t group) {
  // The calling worker takes the next task itself, so no other one is woken.
  MutexLock lock(&mutex_);
  const auto found = groups_.find(group);
  Group& members = found->second;
  if (!members.waiting.empty()) {
    tasks_.push_back({std::move(members.waiting.front()), group});
    members.waiting.pop_front();
  } else if (--members.admitted == 0) {
    groups_.erase(found);
  }
}

void ThreadPool::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  workers_.clear();
}

void ThreadPool::Work() {
  while (true) {
    Task task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task.run();
    task.run = nullptr;  // what it holds is destroyed on this thread, without the lock
    if (task.group.has_value()) Leave(*task.group);
  }
}

}  // namespace syncline
