#include "base/alarm.h"

#include <utility>

#include "absl/time/clock.h"

namespace syncline {

Alarm::Alarm(std::function<void()> ring)
    : ring_(std::move(ring)), thread_(std::make_unique<Thread>("alarm", [this] { Run(); })) {}

Alarm::~Alarm() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
}

void Alarm::Set(absl::Duration delay) {
  {
    MutexLock lock(&mutex_);
    at_ = absl::Now() + delay;
  }
  changed_.NotifyAll();
}

void Alarm::Run() {
  {
    MutexLock lock(&mutex_);
    while (!stopping_ && absl::Now() < at_) changed_.WaitFor(&mutex_, at_ - absl::Now());
    if (stopping_) return;
  }
  ring_();
}

}  // namespace syncline
