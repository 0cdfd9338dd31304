// The monotonic clock, for deadlines of waits during which the wall clock may be changed.
#pragma once

#include <chrono>

#include "absl/time/time.h"

namespace syncline {

// Returns the time since an unspecified start. Thread-safe.
inline absl::Duration MonotonicNow() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace syncline
