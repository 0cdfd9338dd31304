#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/monotonic_time.h"

namespace syncline {

ThreadPool::ThreadPool(absl::string_view name, int threads, const Limits& limits)
    : name_(name),
      max_threads_(std::max({1, threads, limits.max_threads})),
      max_per_group_(limits.max_per_group),
      linger_(limits.linger) {
  MutexLock lock(&mutex_);
  for (int i = 0; i < std::max(1, threads); ++i) StartWorker();
}

ThreadPool::~ThreadPool() { Shutdown(); }

bool ThreadPool::Post(std::function<void()> task) {
  bool wakes = false;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    wakes = Queue({std::move(task), std::nullopt});
  }
  if (wakes) wake_.NotifyOne();
  return true;
}

bool ThreadPool::Post(uint64_t group, std::function<void()> task) {
  if (max_per_group_ == 0) return Post(std::move(task));
  bool wakes = false;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    Group& members = groups_[group];
    if (members.admitted == max_per_group_) {
      members.waiting.push_back(std::move(task));
      return true;
    }
    ++members.admitted;
    wakes = Queue({std::move(task), group});
  }
  if (wakes) wake_.NotifyOne();
  return true;
}

void ThreadPool::StartWorker() {
  workers_.push_back(
      std::make_unique<Thread>(absl::StrCat(name_, "-", workers_.size()), [this] { Work(); }));
}

bool ThreadPool::Queue(Task task) {
  tasks_.push_back(std::move(task));
  if (tasks_.size() > idle_ && std::ssize(workers_) < max_threads_) StartWorker();
  return !EndLinger();
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
    EndLinger();
    workers.swap(workers_);
  }
  wake_.NotifyAll();
}

bool ThreadPool::EndLinger() {
  if (lingering_ == nullptr) return false;
  *std::exchange(lingering_, nullptr) = true;
  return MonotonicNow() < lingers_until_;
}

void ThreadPool::Linger() {
  std::atomic<bool> over = false;
  const absl::Duration end = MonotonicNow() + linger_;
  {
    MutexLock lock(&mutex_);
    if (lingering_ != nullptr || stopping_ || !tasks_.empty() || !polling_.MayPoll()) return;
    lingering_ = &over;
    lingers_until_ = end;
    ++idle_;
  }
  while (!over && MonotonicNow() < end) sched_yield();
  if (MonotonicNow() >= end) polling_.NoteVainPoll();
  MutexLock lock(&mutex_);
  --idle_;
  if (lingering_ == &over) lingering_ = nullptr;
}

void ThreadPool::Work() {
  while (true) {
    if (linger_ > absl::ZeroDuration()) Linger();
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
