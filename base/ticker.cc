#include "base/ticker.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace syncline {

Ticker::Ticker(std::vector<Task> tasks) : tasks_(std::move(tasks)) {
  thread_ = std::make_unique<Thread>("ticker", [this] { Run(); });
}

Ticker::~Ticker() { Stop(); }

void Ticker::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.reset();
}

void Ticker::Run() {
  std::vector<absl::Time> due;
  for (const Task& task : tasks_) due.push_back(absl::Now() + task.interval);
  while (true) {
    const absl::Time next = *std::min_element(due.begin(), due.end());
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && absl::Now() < next) wake_.WaitFor(&mutex_, next - absl::Now());
      if (stopping_) return;
    }
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (absl::Now() < due[i]) continue;
      tasks_[i].run();
      due[i] = absl::Now() + tasks_[i].interval;
    }
  }
}

}  // namespace syncline
