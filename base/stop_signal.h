// A flag that is set once and wakes waiting threads, so that retries end when the server stops.
// Thread-safe.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/interruption.h"
#include "base/mutex.h"

namespace syncline {

class StopSignal {
 public:
  void Set() {
    {
      MutexLock lock(&mutex_);
      set_ = true;
    }
    changed_.NotifyAll();
  }

  // Waits for `timeout`. Returns false as soon as the signal is set or the calling thread's
  // Interruption is interrupted.
  bool Wait(absl::Duration timeout) {
    const absl::Time until = absl::Now() + timeout;
    const Interruption::Callback wake(Interruption::Current(), [this] { Wake(); });
    MutexLock lock(&mutex_);
    while (!set_ && Interruption::Check().ok() && absl::Now() < until) {
      changed_.WaitFor(&mutex_, until - absl::Now());
    }
    return !set_ && Interruption::Check().ok();
  }

 private:
  void Wake() {
    // With the lock, a waiter that has just looked is waiting already.
    MutexLock lock(&mutex_);
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
