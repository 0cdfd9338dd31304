// The steps that scenarios share: load by the command line or by \copy, and check what was loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/runner/bench.h"

namespace syncline::bench {

// The shape's table in `schema`: "schema"."mixed12".
std::string TableIn(const std::string& schema, const RecordShape& shape);

// Arguments of `syncline load FILE` into TableIn(schema, shape), further `flags` behind them.
// Writes the schema's file.
absl::StatusOr<std::vector<std::string>> LoadArguments(Bench& bench, const ServerUnderTest& server,
                                                       const RecordShape& shape,
                                                       const std::string& file,
                                                       const std::string& schema,
                                                       const std::vector<std::string>& flags = {});

// The number of rows and a sum of hashes of the shape's columns, whatever the order.
absl::StatusOr<std::string> ContentsOf(Bench& bench, const RecordShape& shape,
                                       const std::string& table);

// ContentsOf these records together, as PostgreSQL itself reads them from their text.
absl::StatusOr<std::string> TrueContents(Bench& bench, const RecordShape& shape,
                                         const std::vector<Slice>& slices);

// INTERNAL when `table` does not hold `contents`.
absl::Status CheckContents(Bench& bench, const RecordShape& shape, const std::string& table,
                           const std::string& contents);

// What a comparison measures of ours, in this order; of the baseline it measures kSeconds only.
enum LoadMeasure : size_t { kSeconds, kServerCpu, kPostgresCpu, kClientCpu };

// Loads into a fresh schema, whose name it is given.
using LoadFunction = absl::FunctionRef<absl::StatusOr<ProgramEnd>(const std::string& schema)>;

// For loads into nothing.
absl::Status NothingToPrepare(const std::string& schema);

// What must be in the schema before the load.
using PrepareFunction = absl::FunctionRef<absl::Status(const std::string& schema)>;

// One run of `load`: fresh schema, prepared, CHECKPOINT, timed, checked, dropped.
absl::StatusOr<Measures> MeasureLoad(Bench& bench, const ServerUnderTest& server,
                                     const RecordShape& shape, const std::string& contents,
                                     LoadFunction load, PrepareFunction prepare = NothingToPrepare);

// `load` in turns with \copy of the text dump of the very table that it makes; `share` as
// Bench::Alternate.
absl::StatusOr<Pairs> CompareWithCopy(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records, LoadFunction load,
                                      double share = 1);

}  // namespace syncline::bench
