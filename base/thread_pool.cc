#include "base/thread_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline {

ThreadPool::ThreadPool(absl::string_view name, int threads, const Limits& limits)
    : name_(name),
      max_threads_(std::max({1, threads, limits.max_threads})),
      max_per_group_(limits.max_per_group) {
  MutexLock lock(&mutex_);
  for (int i = 0; i < std::max(1, threads); ++i) StartWorker();
}

ThreadPool::~ThreadPool() { Shutdown(); }

bool ThreadPool::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    Queue({std::move(task), std::nullopt});
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
    Queue({std::move(task), group});
  }
  wake_.NotifyOne();
  return true;
}

void ThreadPool::StartWorker() {
  workers_.push_back(
      std::make_unique<Thread>(absl::StrCat(name_, "-", workers_.size()), [this] { Work(); }));
}

void ThreadPool::Queue(Task task) {
  tasks_.push_back(std::move(task));
  if (tasks_.size() > idle_ && std::ssize(workers_) < max_threads_) StartWorker();
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
  std::vector<std::unique_ptr<Thread>> workers;  // joined after the lock
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    workers.swap(workers_);
  }
  wake_.NotifyAll();
}

void ThreadPool::Work() {
  while (true) {
    Task task;
    {
      MutexLock lock(&mutex_);
      ++idle_;
      while (tasks_.empty() && !stopping_) wake_.Wait(&mutex_);
      --idle_;
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
