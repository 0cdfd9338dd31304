// Properties of the machine and the run that the figures depend on.
#pragma once

#include "absl/status/statusor.h"
#include "bench/runner/bench.h"
#include "bench/runner/report.h"

namespace syncline::bench {

// Returns cores, memory, kernel, PostgreSQL's version and settings, and the sizes of this run.
absl::StatusOr<Facts> DescribeRun(Bench& bench);

}  // namespace syncline::bench
