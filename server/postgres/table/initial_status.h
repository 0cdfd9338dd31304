// What exists before a sync starts: gathered once, for all streams, before any loader decides
// anything. Cheap for tables of any size: no table is read through. Which generations a table holds
// is asked separately (GetGenerationId in table_operations.h), by whoever must know.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct TableStatus {
  bool exists = false;
  bool empty = true;       // also when it is missing
  int64_t size_bytes = 0;  // of its rows on disk, without what is stored out of line
};

struct StreamTables {
  TableName real;
  TableName temp;
};

struct InitialStatus {
  TableStatus real;
  TableStatus temp;
};

// One entry for each of `streams`, in their order. Errors are errors, never "missing" or "empty".
// FAILED_PRECONDITION TARGET_INCOMPATIBLE for a relation under the final name that is no plain
// table with the meta columns.
absl::StatusOr<std::vector<InitialStatus>> GatherInitialStatus(
    Transaction& transaction, const std::vector<StreamTables>& streams);

}  // namespace syncline::postgres
