// Decides whether and when a failed call is retried: for up to `--retry_for` since the last
// success.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"

namespace syncline::client {

// Not thread-safe; use one per retry loop.
class Retry {
 public:
  // With 0, nothing is retried.
  explicit Retry(absl::Duration retry_for);

  // Sleeps before the next attempt and returns OK. Returns `error` if retrying cannot succeed, if
  // the time is used up, or if the user interrupted. Sleeps at least for the delay in the server's
  // RetryInfo.
  absl::Status WaitAfter(const absl::Status& error);

  // Call it after a success. The time starts again at the next failure.
  void Reset();

 private:
  const absl::Duration retry_for_;
  absl::Time give_up_at_ = absl::InfiniteFuture();
  std::optional<Backoff> backoff_;  // set while failing
};

}  // namespace syncline::client
