#include "base/thread_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline {

ThreadPool::ThreadPool(absl::string_view name, int threads) : thread_count_(std::max(1, threads)) {
  for (int i = 0; i < thread_count_; ++i) {
    workers_.push_back(std::make_unique<Thread>(absl::StrCat(name, "-", i), [this] { Work(); }));
  }
}

ThreadPool::~ThreadPool() { Shutdown(); }

bool ThreadPool::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return true;
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
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace syncline
