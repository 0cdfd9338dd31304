// What the kernel says of this process.
#pragma once

#include <cstdint>

namespace syncline::metrics {

// Zero where /proc does not say.
struct ProcessFigures {
  int64_t resident_bytes = 0;
  int64_t threads = 0;
  double cpu_seconds = 0;
  int64_t open_descriptors = 0;
  int64_t max_descriptors = 0;
};

ProcessFigures ReadProcessFigures();

}  // namespace syncline::metrics
