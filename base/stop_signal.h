// A flag that is set once and wakes waiting threads, so that retries end when the server stops.
// Thread-safe.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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

  // Waits for `timeout`. Returns false as soon as the signal is set.
  bool Wait(absl::Duration timeout) {
    const absl::Time until = absl::Now() + timeout;
    MutexLock lock(&mutex_);
    while (!set_ && absl::Now() < until) changed_.WaitFor(&mutex_, until - absl::Now());
    return !set_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
