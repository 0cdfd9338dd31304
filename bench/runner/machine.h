// What the figures depend on besides Syncline.
#pragma once

#include "absl/status/statusor.h"
#include "bench/runner/bench.h"
#include "bench/runner/report.h"

namespace syncline::bench {

// Cores, memory, kernel, PostgreSQL's version and settings, and the sizes of this run.
absl::StatusOr<Facts> DescribeRun(Bench& bench);

}  // namespace syncline::bench
