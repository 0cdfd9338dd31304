// The slow part of a swap, before its transaction: what the target has is built on the loaded
// table.
//
// Each index and constraint in a transaction of its own; all of it is found again after a crash, so
// running it twice builds nothing twice. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/swap/swap_members.h"

namespace syncline::postgres {

struct PreparationOptions {
  // Most time to wait for a lock on another table (one that a foreign key of the target names).
  absl::Duration lock_timeout = absl::Milliseconds(100);
  SwapKeyIndex key_index;
  // Whether to gather statistics in the end.
  bool analyze = true;
  // Columns of the target that `source` is not given.
  std::set<std::string> dropped_columns = {};
};

// Gives `source` the columns of `target` that it lacks (carried_columns.h), builds the user's
// indexes, constraints and statistics of `target`, and our index on the primary key, on it, then
// gathers first statistics (first_statistics.h). Without a target only the key's index and the
// latter. `left_out` gets what is not carried over because `source` lacks the column. Errors:
// FAILED_PRECONDITION TARGET_INCOMPATIBLE naming the constraint, NOT NULL or index that the rows
// break, those of CheckCarriable
// (swap_check.h) and of Database::Transact.
absl::Status PrepareSource(Database& database, const TableName& source, const TableName& target,
                           const PreparationOptions& options, std::vector<std::string>* left_out);

}  // namespace syncline::postgres
