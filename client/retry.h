// How long a broken call is tried again: `--retry_for`, counted from the last time something got
// through.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"

namespace syncline::client {

// Not thread-safe: one a retry loop.
class Retry {
 public:
  // 0 means never.
  explicit Retry(absl::Duration retry_for);

  // Sleeps before the next attempt and answers OK; or answers `error` itself when trying again has
  // no point, the time is used up, or the user interrupted. The server's RetryInfo is the least
  // that it sleeps.
  absl::Status WaitAfter(const absl::Status& error);

  // Something got through: the time starts anew.
  void Reset();

 private:
  const absl::Duration retry_for_;
  absl::Time give_up_at_ = absl::InfiniteFuture();
  std::optional<Backoff> backoff_;  // set while failing
};

}  // namespace syncline::client
