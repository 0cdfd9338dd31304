#include "server/rpc/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// One of this many places is given only to callers that hold less than their share.
constexpr int64_t kPlacesPerReserved = 50;

enum Kind : size_t { kCalls, kWatches, kStreams, kSilent };

struct KindText {
  const char* reason;
  absl::string_view noun;
  absl::string_view limit;
};

constexpr KindText kTexts[] = {
    {reason::kTooManyCalls, "calls in progress", "--max_calls"},
    {reason::kTooManyWatches, "open watches", "--max_watches"},
    {reason::kTooManyStreams, "open streams", "--max_open_streams"},
    {reason::kTooManyStreams, "calls without a header", "the server"},
};

absl::Status TooMany(const char* reason, int64_t limit, absl::string_view message) {
  return MakeError(
      absl::StatusCode::kResourceExhausted, message,
      {.reason = reason, .metadata = {{"limit", absl::StrCat(limit)}}, .retry_after = kRetryAfter});
}

}  // namespace

Admission::Admission(const AdmissionLimits& limits) : limits_(limits) {
  places_[kCalls].limit = limits.max_calls;
  places_[kWatches].limit = limits.max_watches;
  places_[kStreams].limit = limits.max_open_streams;
  places_[kSilent].limit = kMaxSilentCalls;
}

absl::StatusOr<Admission::Call> Admission::EnterCall(const std::string& caller,
                                                     int64_t request_bytes) {
  return Enter(kCalls, caller, request_bytes);
}

absl::StatusOr<Admission::Call> Admission::EnterWatch(const std::string& caller) {
  return Enter(kWatches, caller, 0);
}

absl::StatusOr<Admission::Call> Admission::EnterStream(const std::string& caller) {
  return Enter(kStreams, caller, 0);
}

absl::StatusOr<Admission::Call> Admission::EnterSilent(const std::string& caller) {
  return Enter(kSilent, caller, 0);
}

absl::StatusOr<Admission::Call> Admission::Enter(size_t kind, const std::string& caller,
                                                 int64_t request_bytes) {
  MutexLock lock(&mutex_);
  if (draining_) return sync::Draining();
  Places& places = places_[kind];
  if (absl::Status free = CheckPlaces(kind, places, caller); !free.ok()) return free;
  if (request_bytes_ > 0 && request_bytes > limits_.max_request_bytes - request_bytes_) {
    return TooMany(reason::kTooManyCalls, limits_.max_request_bytes,
                   absl::StrCat("the requests of the calls in progress have ", request_bytes_,
                                " bytes; this one of ", request_bytes, " bytes has to wait"));
  }
  ++places.taken;
  ++places.by_caller[caller];
  request_bytes_ += request_bytes;
  return Call(this, kind, caller, request_bytes);
}

absl::Status Admission::CheckPlaces(size_t kind, const Places& places,
                                    const std::string& caller) const {
  const KindText& text = kTexts[kind];
  if (places.taken >= places.limit) {
    return TooMany(text.reason, places.limit,
                   absl::StrCat("the server has ", places.taken, " ", text.noun, ", as many as ",
                                text.limit, " allows"));
  }
  const int64_t reserved = places.limit / kPlacesPerReserved;
  if (places.limit - places.taken > reserved) return absl::OkStatus();
  const auto held = places.by_caller.find(caller);
  const int64_t share = std::max<int64_t>(1, places.limit * limits_.max_caller_share / 100);
  if (held == places.by_caller.end() || held->second < share) return absl::OkStatus();
  return TooMany(
      text.reason, places.limit,
      absl::StrCat("this caller has ", held->second, " ", text.noun, ", and the last ", reserved,
                   " of ", places.limit, " are for callers with less than --max_caller_share"));
}

void Admission::Leave(const Call& call) {
  {
    MutexLock lock(&mutex_);
    Places& places = places_[call.kind_];
    --places.taken;
    request_bytes_ -= call.request_bytes_;
    const auto held = places.by_caller.find(call.caller_);
    if (--held->second == 0) places.by_caller.erase(held);
  }
  changed_.NotifyAll();
}

void Admission::StartDraining() {
  MutexLock lock(&mutex_);
  draining_ = true;
}

bool Admission::draining() const {
  MutexLock lock(&mutex_);
  return draining_;
}

bool Admission::WaitUntilEmpty(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (std::any_of(places_.begin(), places_.end(),
                     [](const Places& places) { return places.taken > 0; })) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mutex_, left);
  }
  return true;
}

int64_t Admission::open_streams() const {
  MutexLock lock(&mutex_);
  return places_[kStreams].taken;
}

bool Admission::has_work() const {
  MutexLock lock(&mutex_);
  return places_[kStreams].taken + places_[kCalls].taken > 0;
}

}  // namespace syncline::rpc
