// A range of record numbers.
#pragma once

#include <cstdint>

namespace syncline {

// A half-open range of record numbers.
struct OffsetRange {
  int64_t begin = 0;
  int64_t end = 0;

  friend bool operator==(const OffsetRange& a, const OffsetRange& b) {
    return a.begin == b.begin && a.end == b.end;
  }
};

}  // namespace syncline
