// Limits the calls that are open, in total and per caller, and refuses calls while the server
// drains.
//
// A caller may use all places of a kind as long as others are not in need of them: the last 2 % of
// the places are given only to callers that hold less than their share. So one caller with many
// calls is served, and never shuts out the others. gRPC's own limit is not used because it would
// drop calls without a reason (decision 0005). Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

struct AdmissionLimits {
  int64_t max_open_streams = 0;  // calls that receive records, with a header
  int64_t max_watches = 0;       // WatchSync calls
  int64_t max_calls = 0;         // unary calls in progress
  // Maximum bytes of the requests of unary calls in progress. A larger request is admitted alone.
  int64_t max_request_bytes = int64_t{64} << 20;
  // Percentage of each of the limits that a caller may hold when the last places are given.
  int max_caller_share = 100;
};

// Maximum calls that receive records and have no header yet. Each costs a few KiB.
inline constexpr int64_t kMaxSilentCalls = 10'000;

class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits);

  // The place of an admitted call. The destructor frees it.
  class Call {
   public:
    ~Call() {
      if (admission_ != nullptr) admission_->Leave(*this);
    }
    Call(Call&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          kind_(other.kind_),
          caller_(std::move(other.caller_)),
          request_bytes_(other.request_bytes_) {}
    Call& operator=(Call&&) = delete;

   private:
    friend class Admission;
    Call(Admission* admission, size_t kind, std::string caller, int64_t request_bytes)
        : admission_(admission),
          kind_(kind),
          caller_(std::move(caller)),
          request_bytes_(request_bytes) {}

    Admission* admission_;
    size_t kind_;
    std::string caller_;
    int64_t request_bytes_;
  };

  // Each admits one call of `caller`, which identifies the caller among all callers. Errors:
  // UNAVAILABLE DRAINING; RESOURCE_EXHAUSTED TOO_MANY_CALLS, TOO_MANY_WATCHES or TOO_MANY_STREAMS
  // with RetryInfo.
  absl::StatusOr<Call> EnterCall(const std::string& caller, int64_t request_bytes);
  absl::StatusOr<Call> EnterWatch(const std::string& caller);
  absl::StatusOr<Call> EnterStream(const std::string& caller);
  // For a StreamRecords or AppendRecords call without a header, which does not count as an open
  // stream.
  absl::StatusOr<Call> EnterSilent(const std::string& caller);

  // Refuses all new calls from now on.
  void StartDraining();
  bool draining() const;

  // Waits until no call is open. Returns false after `timeout`.
  bool WaitUntilEmpty(absl::Duration timeout);
  // Open StreamRecords and AppendRecords calls with a header.
  int64_t open_streams() const;
  // Returns whether a call is open that may still change a sync: any but a watch.
  bool has_work() const;

 private:
  // The calls of one kind.
  struct Places {
    int64_t limit = 0;
    int64_t taken = 0;
    std::map<std::string, int64_t> by_caller = {};
  };

  absl::StatusOr<Call> Enter(size_t kind, const std::string& caller, int64_t request_bytes);
  // Returns OK if `caller` may have one more place.
  absl::Status CheckPlaces(size_t kind, const Places& places, const std::string& caller) const;
  void Leave(const Call& call);

  const AdmissionLimits limits_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::array<Places, 4> places_ ABSL_GUARDED_BY(mutex_);
  int64_t request_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::rpc
