// Decides whether and when a failed call is retried: for up to `--retry_for` since the last
// success.
//
// FENCED is retried once if no other process can have taken the writer over, and once after a call
// that broke before the server had opened the writer for it, because the server may have done so
// after the caller had read the epoch. Otherwise it is final.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "client/outage_notice.h"

namespace syncline::client {

// Not thread-safe; use one per retry loop.
class Retry {
 public:
  // With 0, nothing is retried. `notice`, which must outlive this object, prints outages.
  // `sole_caller`: no other process knows the sync id.
  Retry(OutageNotice* notice, absl::Duration retry_for, bool sole_caller = false);

  // Sleeps before the next attempt and returns OK. Returns `error` if retrying cannot succeed, if
  // the time is used up, or if the user interrupted. Sleeps at least for the delay in the server's
  // RetryInfo. `opened`: the server had opened the writer for the last call.
  absl::Status WaitAfter(const absl::Status& error, bool opened = false);

  // Call it after a success. The time starts again at the next failure.
  void Reset();

 private:
  OutageNotice* const notice_;
  const absl::Duration retry_for_;
  const absl::Time began_;
  const bool sole_caller_;
  bool may_retry_fenced_;
  absl::Time give_up_at_ = absl::InfiniteFuture();
  std::optional<Backoff> backoff_;  // set while failing
};

}  // namespace syncline::client
