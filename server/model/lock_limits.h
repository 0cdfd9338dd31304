// How long work on a user's table waits for its locks, unless flags set other limits.
#pragma once

#include "absl/time/time.h"

namespace syncline {

// Longest wait of one attempt. It also bounds how long readers queue behind it.
inline constexpr absl::Duration kDefaultLockTimeout = absl::Milliseconds(100);

// Attempts are repeated until this much time has passed.
inline constexpr absl::Duration kDefaultLockDeadline = absl::Seconds(60);

}  // namespace syncline
