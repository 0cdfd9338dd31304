// The range of PostgreSQL's timestamps, in microseconds since 2000-01-01 00:00.
#pragma once

#include <cstdint>

namespace syncline::dataflow {

inline constexpr int64_t kMinTimestamp = -211813488000000000;  // 4714-11-24 00:00 BC
inline constexpr int64_t kEndTimestamp = 9223371331200000000;  // 294277-01-01 00:00

inline bool IsTimestampInRange(int64_t micros) {
  return micros >= kMinTimestamp && micros < kEndTimestamp;
}

}  // namespace syncline::dataflow
