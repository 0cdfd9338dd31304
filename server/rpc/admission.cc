#include "server/rpc/admission.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {

namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

absl::Status TooMany(int64_t limit, absl::string_view what) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("the server has ", limit, " open ", what,
                                ", as many as --max_open_streams allows"),
                   {.reason = reason::kTooManyStreams,
                    .metadata = {{"limit", absl::StrCat(limit)}},
                    .retry_after = kRetryAfter});
}

}  // namespace

absl::Status Admission::EnterStream() {
  MutexLock lock(&mutex_);
  if (draining_) return sync::Draining();
  if (open_streams_ >= max_open_streams_) return TooMany(open_streams_, "streams");
  ++open_streams_;
  return absl::OkStatus();
}

void Admission::LeaveStream() {
  {
    MutexLock lock(&mutex_);
    --open_streams_;
  }
  changed_.NotifyAll();
}

absl::StatusOr<Admission::Call> Admission::EnterCall() {
  MutexLock lock(&mutex_);
  if (draining_) return sync::Draining();
  ++open_calls_;
  return Call(this, false);
}

absl::StatusOr<Admission::Call> Admission::EnterWatch() {
  MutexLock lock(&mutex_);
  if (draining_) return sync::Draining();
  if (open_watches_ >= max_open_streams_) return TooMany(open_watches_, "watches");
  ++open_watches_;
  ++open_calls_;
  return Call(this, true);
}

void Admission::LeaveCall(bool watches) {
  {
    MutexLock lock(&mutex_);
    --open_calls_;
    if (watches) --open_watches_;
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
  while (open_streams_ > 0 || open_calls_ > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mutex_, left);
  }
  return true;
}

int64_t Admission::open_streams() const {
  MutexLock lock(&mutex_);
  return open_streams_;
}

}  // namespace syncline::rpc
