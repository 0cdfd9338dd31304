#include "server/postgres/connection/canceller.h"

#include <algorithm>

#include "base/monotonic_time.h"

namespace syncline::postgres {
namespace {

// A request has no effect if it arrives before its statement, so it is repeated while the statement
// runs.
constexpr absl::Duration kRepeat = absl::Milliseconds(200);

}  // namespace

Canceller::Canceller() {
  thread_ = std::make_unique<Thread>("cancel", [this] { Run(); });
}

Canceller::~Canceller() { Stop(); }

void Canceller::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.reset();
}

void Canceller::Add(std::function<bool()> send) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    requests_.push_back({MonotonicNow(), std::move(send)});
  }
  wake_.NotifyAll();
}

std::function<bool()> Canceller::Next() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const auto first = std::min_element(
        requests_.begin(), requests_.end(),
        [](const Request& left, const Request& right) { return left.due < right.due; });
    if (first == requests_.end()) {
      wake_.Wait(&mutex_);
      continue;
    }
    const absl::Duration left = first->due - MonotonicNow();
    if (left > absl::ZeroDuration()) {
      wake_.WaitFor(&mutex_, left);
      continue;
    }
    std::function<bool()> send = std::move(first->send);
    requests_.erase(first);
    return send;
  }
  return nullptr;
}

void Canceller::Run() {
  while (std::function<bool()> send = Next()) {
    if (!send()) continue;
    MutexLock lock(&mutex_);
    requests_.push_back({MonotonicNow() + kRepeat, std::move(send)});
  }
}

}  // namespace syncline::postgres
