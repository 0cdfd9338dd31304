// Interruption: ends the work of one call, wherever it blocks, because its caller no longer waits
// for the result or the result must not be produced.
//
// A call makes its interruption current on the thread that works for it (Scope). Code that blocks
// (a statement, a full pool, a pause between retries) finds it there, without a parameter in every
// signature between. Work of the server itself has no interruption. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline {

class Interruption {
 public:
  Interruption() = default;
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Ends the work with the error `status`. Runs the registered callbacks on the calling thread. All
  // calls after the first have no effect.
  void Interrupt(const absl::Status& status);

  // Returns OK until Interrupt, then its error.
  absl::Status status() const;

  // Makes an interruption current for the calling thread until the scope ends. Null suspends the
  // current one, for work that must run although the call was interrupted.
  class Scope {
   public:
    explicit Scope(std::shared_ptr<Interruption> interruption);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::shared_ptr<Interruption> previous_;
  };

  // Calls `run` once when `interruption`, which may be null, is interrupted; at once if it is
  // already. `run` must not block, and must not destroy a Callback. The destructor waits until a
  // running `run` has returned.
  class Callback {
   public:
    Callback(std::shared_ptr<Interruption> interruption, std::function<void()> run);
    ~Callback();
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

   private:
    const std::shared_ptr<Interruption> interruption_;
    int64_t id_ = 0;  // 0: not registered
  };

  // Returns the interruption of the calling thread, or null.
  static std::shared_ptr<Interruption> Current();
  // Returns the status of the calling thread's interruption; OK if it has none.
  static absl::Status Check();
  // Waits for `pause`. Returns false as soon as the calling thread's interruption is interrupted.
  static bool Sleep(absl::Duration pause);

 private:
  // Returns 0 if `run` has been called already.
  int64_t Add(std::function<void()> run);
  void Remove(int64_t id);

  mutable Mutex mutex_;
  CondVar changed_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // callbacks are being called
  std::map<int64_t, std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace syncline
