// Exponential delays with jitter, so that concurrent retries do not collide again.
#pragma once

#include <algorithm>
#include <optional>
#include <random>

#include "absl/time/time.h"

namespace syncline {

// Not thread-safe; use one per retry loop.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most) : next_(std::min(first, most)), most_(most) {}

  // Returns the next delay: between half of and all of a span that doubles each time, up to
  // `most`.
  absl::Duration Next() {
    // Not in the constructor: most loops end without a retry, and a seed costs as much as a
    // wake-up.
    if (!random_.has_value()) random_.emplace(std::random_device{}());
    const absl::Duration span = next_;
    next_ = std::min(most_, next_ * 2);
    return span * std::uniform_real_distribution<double>(0.5, 1.0)(*random_);
  }

 private:
  absl::Duration next_;
  const absl::Duration most_;
  std::optional<std::minstd_rand> random_;  // from the first delay on
};

}  // namespace syncline
