// Figures that the kernel reports for this process.
#pragma once

#include <cstdint>

namespace syncline::metrics {

// A value that the system does not report is zero.
struct ProcessFigures {
  int64_t resident_bytes = 0;
  int64_t threads = 0;
  double cpu_seconds = 0;
  int64_t open_descriptors = 0;
  int64_t max_descriptors = 0;
};

ProcessFigures ReadProcessFigures();

}  // namespace syncline::metrics
