#include "base/memory_budget.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace syncline {

MemoryBudget::MemoryBudget(int64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

bool MemoryBudget::Fits(int64_t bytes) const {
  return held_bytes_ == 0 || held_bytes_ + bytes <= capacity_bytes_;
}

void MemoryBudget::Take(int64_t bytes) {
  held_bytes_ += bytes;
  high_water_bytes_ = std::max(high_water_bytes_, held_bytes_);
}

void MemoryBudget::Acquire(int64_t bytes, std::function<void()> granted, const void* owner) {
  {
    MutexLock lock(&mutex_);
    if (!waiters_.empty() || !Fits(bytes)) {
      waiters_.push_back({bytes, std::move(granted), absl::Now(), owner});
      return;
    }
    Take(bytes);
  }
  granted();
}

void MemoryBudget::Abandon(const void* owner) {
  std::deque<Waiter> left;
  {
    MutexLock lock(&mutex_);
    left.swap(waiters_);
    const auto abandoned = std::stable_partition(
        left.begin(), left.end(), [owner](const Waiter& waiter) { return waiter.owner != owner; });
    std::move(left.begin(), abandoned, std::back_inserter(waiters_));
  }
  // Others may fit now. What `left` holds is destroyed without the lock.
  Release(0);
}

bool MemoryBudget::TryAcquire(int64_t bytes) {
  MutexLock lock(&mutex_);
  if (!waiters_.empty() || !Fits(bytes)) return false;
  Take(bytes);
  return true;
}

void MemoryBudget::ForceAcquire(int64_t bytes) {
  MutexLock lock(&mutex_);
  Take(bytes);
}

void MemoryBudget::Release(int64_t bytes) {
  std::vector<std::function<void()>> granted;
  {
    MutexLock lock(&mutex_);
    held_bytes_ -= bytes;
    const absl::Time now = absl::Now();
    while (!waiters_.empty() && Fits(waiters_.front().bytes)) {
      Take(waiters_.front().bytes);
      waited_ += now - waiters_.front().since;
      granted.push_back(std::move(waiters_.front().granted));
      waiters_.pop_front();
    }
  }
  for (const auto& call : granted) call();
}

int64_t MemoryBudget::held_bytes() const {
  MutexLock lock(&mutex_);
  return held_bytes_;
}

int64_t MemoryBudget::high_water_bytes() const {
  MutexLock lock(&mutex_);
  return high_water_bytes_;
}

int64_t MemoryBudget::waiters() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(waiters_.size());
}

int64_t MemoryBudget::next_bytes() const {
  MutexLock lock(&mutex_);
  return waiters_.empty() ? 0 : waiters_.front().bytes;
}

bool MemoryBudget::HasOtherWaiter(const std::set<const void*>& owners) const {
  MutexLock lock(&mutex_);
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [&owners](const Waiter& waiter) { return owners.count(waiter.owner) == 0; });
}

absl::Duration MemoryBudget::waited() const {
  MutexLock lock(&mutex_);
  return waited_;
}

}  // namespace syncline
