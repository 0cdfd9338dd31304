// Steps that scenarios share: load with the command line or \copy, and check the loaded table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/runner/bench.h"

namespace syncline::bench {

// Returns the shape's table in `schema`: "schema"."mixed12".
std::string GetTableName(const std::string& schema, const RecordShape& shape);

// Returns the arguments of `syncline load FILE` into GetTableName(schema, shape), followed by
// `flags`. Writes the file with the JSON Schema.
absl::StatusOr<std::vector<std::string>> LoadArguments(Bench& bench, const ServerUnderTest& server,
                                                       const RecordShape& shape,
                                                       const std::string& file,
                                                       const std::string& schema,
                                                       const std::vector<std::string>& flags = {});

// Returns the number of rows and a sum of hashes of the shape's columns, independent of the order.
absl::StatusOr<std::string> ReadContents(Bench& bench, const RecordShape& shape,
                                         const std::string& table);

// Returns ReadContents all these records, as PostgreSQL itself reads them from their text.
absl::StatusOr<std::string> ComputeExpectedContents(Bench& bench, const RecordShape& shape,
                                                    const std::vector<Slice>& slices);

// Returns INTERNAL if the contents of `table` differ from `contents`.
absl::Status CheckContents(Bench& bench, const RecordShape& shape, const std::string& table,
                           const std::string& contents);

// Measures of ours in this order. Only kSeconds is measured for the baseline.
enum LoadMeasure : size_t { kSeconds, kServerCpu, kPostgresCpu, kClientCpu };

// Loads into a new schema with this name.
using LoadFunction = absl::FunctionRef<absl::StatusOr<ProgramEnd>(const std::string& schema)>;

// Prepares nothing, for loads into an empty schema.
absl::Status PrepareNothing(const std::string& schema);

// Creates what the schema must contain before the load.
using PrepareFunction = absl::FunctionRef<absl::Status(const std::string& schema)>;

// Measures one run of `load`: new schema, prepare, CHECKPOINT, timed load, check, drop.
absl::StatusOr<Measures> MeasureLoad(Bench& bench, const ServerUnderTest& server,
                                     const RecordShape& shape, const std::string& contents,
                                     LoadFunction load, PrepareFunction prepare = PrepareNothing);

// Alternates `load` with \copy of a text dump of the table that `load` creates. `share` is as in
// Bench::Alternate.
absl::StatusOr<Pairs> CompareWithCopy(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records, LoadFunction load,
                                      double share = 1);

// The same, but the baseline has only the caller's own columns: what a user compares.
absl::StatusOr<Pairs> CompareWithOwnColumns(Bench& bench, const ServerUnderTest& server,
                                            const RecordShape& shape, int64_t records,
                                            LoadFunction load, double share = 1);

}  // namespace syncline::bench
