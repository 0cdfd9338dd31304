// Several concurrent loads in one process, each with its own records, sync and table.
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

// Divides `records` records of `shape` into `count` files of equal size. `count` must divide
// `records`.
absl::StatusOr<std::vector<LoadedStream>> DivideAmong(Bench& bench, const RecordShape& shape,
                                                      int64_t records, int64_t count);

// Loads all streams at once and checks the tables. Returns the rows per second of all streams
// together, and the rate of the slowest stream relative to the mean rate.
absl::StatusOr<Measures> LoadTogether(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records,
                                      std::vector<LoadedStream>& streams);

}  // namespace syncline::bench
