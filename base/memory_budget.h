// One byte budget for all data that the server holds for callers. It provides back-pressure.
//
// The bytes of a message are acquired before it is parsed. If the budget is full the request is
// queued, and because the server stops reading, the sender stops. Waiters are served in order, so
// no stream starves. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline {

class MemoryBudget {
 public:
  // `capacity_bytes` must be positive.
  explicit MemoryBudget(int64_t capacity_bytes);

  // Acquires `bytes` and calls `granted`: immediately on this thread if there is room, otherwise
  // later on the thread that releases bytes. A request for more than the whole budget is granted
  // when nothing else is held, so that a large message is slow but never stuck. `granted` must not
  // block. `owner` is for Abandon.
  void Acquire(int64_t bytes, std::function<void()> granted, const void* owner = nullptr);

  // Drops the requests of `owner` that wait, so that those behind them do not wait for their turn.
  // Call without any lock held.
  void Abandon(const void* owner);

  // Acquires `bytes` if that is possible without waiting. Returns whether it was.
  bool TryAcquire(int64_t bytes);

  // Acquires `bytes` without waiting, even beyond the capacity: for bytes that replace others that
  // are already held.
  void ForceAcquire(int64_t bytes);

  // Releases `bytes` and calls the waiters that fit now. Call without any lock held.
  void Release(int64_t bytes);

  int64_t capacity_bytes() const { return capacity_bytes_; }
  // Bytes held now.
  int64_t held_bytes() const;
  // Maximum bytes that were ever held.
  int64_t high_water_bytes() const;
  // Requests waiting now.
  int64_t waiters() const;
  // Bytes of the request that is the next to be granted; 0 if none waits.
  int64_t next_bytes() const;
  // Returns whether a request waits whose owner is not among `owners`.
  bool HasOtherWaiter(const std::set<const void*>& owners) const;
  // Total time that granted requests have waited.
  absl::Duration waited() const;

 private:
  struct Waiter {
    int64_t bytes;
    std::function<void()> granted;
    absl::Time since;
    const void* owner;
  };

  bool Fits(int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t capacity_bytes_;
  mutable Mutex mutex_;
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t high_water_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration waited_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
};

// Bytes that are acquired from a budget. The destructor releases them.
class BudgetCharge {
 public:
  // `bytes` are already acquired.
  BudgetCharge(MemoryBudget* budget, int64_t bytes) : budget_(budget), bytes_(bytes) {}
  ~BudgetCharge() {
    if (bytes_ > 0) budget_->Release(bytes_);
  }
  BudgetCharge(const BudgetCharge&) = delete;
  BudgetCharge& operator=(const BudgetCharge&) = delete;

  // Returns the bytes, which the caller must release.
  int64_t Give() { return std::exchange(bytes_, 0); }

 private:
  MemoryBudget* const budget_;
  int64_t bytes_;
};

}  // namespace syncline
