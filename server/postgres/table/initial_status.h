// The state of the tables before a sync starts, gathered once for all streams before any loader
// makes a decision. It is cheap for tables of any size, because no table is read completely. The
// generations that a table holds are a separate query (GetGenerationId in table_operations.h) for
// callers that need them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_placement.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct TableStatus {
  bool exists = false;
  bool empty = true;               // also if it is missing
  int64_t size_bytes = 0;          // of its rows on disk; without those of partitions and children
  TablePlacement placement = {};   // if it is missing, that of a new table of this name
  std::string access_method = {};  // such as "heap"; empty if it is missing or partitioned
};

struct StreamTables {
  TableName real;
  TableName temp;
  TableMeta meta = TableMeta::kFull;            // of both
  std::optional<TableMeta> recorded_meta = {};  // of the latest sync of the table, if known
};

struct InitialStatus {
  TableStatus real;
  TableStatus temp;
};

// Returns one entry per stream, in the order of `streams`. An error is never reported as "missing"
// or "empty". Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE if one of the names belongs to
// something that is not a plain table with the meta columns; INVALID_ARGUMENT META_MISMATCH if it
// has other meta columns, or lacks some because it was loaded with another `meta`.
absl::StatusOr<std::vector<InitialStatus>> GatherInitialStatus(
    Transaction& transaction, const std::vector<StreamTables>& streams);

}  // namespace syncline::postgres
