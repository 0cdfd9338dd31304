// Limits how many StreamRecords and WatchSync calls are open, and refuses calls while the server
// drains.
//
// gRPC's own limit is not used because it would drop calls without a reason (decision 0005).
// Thread-safe.
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

  // Counts one more open stream. Each success must be followed by one LeaveStream. Errors:
  // UNAVAILABLE DRAINING; RESOURCE_EXHAUSTED TOO_MANY_STREAMS with RetryInfo.
  absl::Status EnterStream();
  void LeaveStream();

  // An admitted call other than StreamRecords. The destructor ends the admission.
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
  // Admits a unary call. Errors: UNAVAILABLE DRAINING.
  absl::StatusOr<Call> EnterCall();
  // Admits a WatchSync call. As many of them may be open as StreamRecords calls. Errors:
  // UNAVAILABLE DRAINING; RESOURCE_EXHAUSTED TOO_MANY_STREAMS with RetryInfo.
  absl::StatusOr<Call> EnterWatch();

  // Refuses all new calls from now on.
  void StartDraining();
  bool draining() const;

  // Waits until no stream and no other call is open. Returns false after `timeout`.
  bool WaitUntilEmpty(absl::Duration timeout);
  int64_t open_streams() const;

 private:
  void LeaveCall(bool watches);

  const int64_t max_open_streams_;
  mutable Mutex mutex_;
  CondVar changed_;
  int64_t open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t open_watches_ ABSL_GUARDED_BY(mutex_) = 0;  // counted in open_calls_, too
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::rpc
