// Admission: how many StreamRecords and WatchSync calls the server takes, and whether it takes any.
//
// Our own rather than gRPC's, which would drop calls without a reason (decision 0005). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

class Admission {
 public:
  explicit Admission(int64_t max_open_streams) : max_open_streams_(max_open_streams) {}

  // Takes a place; Leave gives it back.
  // Errors: UNAVAILABLE DRAINING; RESOURCE_EXHAUSTED TOO_MANY_STREAMS with RetryInfo.
  absl::Status EnterStream();
  void LeaveStream();

  // A call other than StreamRecords, from its admission to its end.
  class Call {
   public:
    ~Call() {
      if (admission_ != nullptr) admission_->LeaveCall(watches_);
    }
    Call(Call&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), watches_(other.watches_) {}
    Call& operator=(Call&&) = delete;

   private:
    friend class Admission;
    Call(Admission* admission, bool watches) : admission_(admission), watches_(watches) {}

    Admission* admission_;
    bool watches_;
  };
  // Errors: UNAVAILABLE DRAINING.
  absl::StatusOr<Call> EnterCall();
  // For a WatchSync call, of which as many may be open as of StreamRecords.
  // Errors: UNAVAILABLE DRAINING; RESOURCE_EXHAUSTED TOO_MANY_STREAMS with RetryInfo.
  absl::StatusOr<Call> EnterWatch();

  // From now on nothing is admitted.
  void StartDraining();
  bool draining() const;

  // Waits until no stream and no other call is open; false after `timeout`.
  bool WaitUntilEmpty(absl::Duration timeout);
  int64_t open_streams() const;

 private:
  void LeaveCall(bool watches);

  const int64_t max_open_streams_;
  mutable Mutex mutex_;
  CondVar changed_;
  int64_t open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_watches_ ABSL_GUARDED_BY(mutex_) = 0;  // of the open calls
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

// RESOURCE_EXHAUSTED TOO_MANY_STREAMS, for a watch for which the system has no thread.
absl::Status NoThreadForWatch();

}  // namespace syncline::rpc
