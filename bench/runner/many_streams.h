// Several loads at once from one process, each with records, a sync and a table of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/runner/bench.h"

namespace syncline::bench {

struct LoadedStream {
  std::string file;
  std::string contents;
  std::string schema = {};
  absl::Status status = {};
  absl::Duration took = {};
};

// `records` records of `shape` in `count` equal files, which `count` divides.
absl::StatusOr<std::vector<LoadedStream>> DivideAmong(Bench& bench, const RecordShape& shape,
                                                      int64_t records, int64_t count);

// Loads them all at once and checks what was loaded: rows a second of all of them together, and the
// slowest one's over the mean of each.
absl::StatusOr<Measures> LoadTogether(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records,
                                      std::vector<LoadedStream>& streams);

}  // namespace syncline::bench
