// The range of PostgreSQL's date, in days since 2000-01-01.
#pragma once

#include <cstdint>

namespace syncline::dataflow {

inline bool IsDateInRange(int64_t days) {
  constexpr int64_t kFirstDay = -2451545;   // 4714-11-24 BC, Julian day 0
  constexpr int64_t kLastDay = 2145031948;  // 5874897-12-31
  return days >= kFirstDay && days <= kLastDay;
}

}  // namespace syncline::dataflow
