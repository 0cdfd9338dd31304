// Alarm: calls a function once, on a thread of its own, unless it is destroyed before its time.
//
// The thread is started with the object, so that an alarm goes off even if the system starts no
// more threads by then.
#pragma once

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {

class Alarm {
 public:
  explicit Alarm(std::function<void()> ring);
  // Waits for a running function.
  ~Alarm();

  // Sets the time at which the function is called: `delay` from now. Thread-safe.
  void Set(absl::Duration delay);

 private:
  void Run();

  const std::function<void()> ring_;
  Mutex mutex_;
  CondVar changed_;
  absl::Time at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;  // last: started when all other members exist
};

}  // namespace syncline
