// What exists before a sync starts: gathered once, for all streams, before any loader decides
// anything.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

struct TableStatus {
  bool exists = false;
  bool empty = true;          // meaningful when it exists
  int64_t generation_id = 0;  // 0 when missing or empty
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
