// The slow part of a swap, which runs before its transaction: what the target has is built on the
// loaded table.
//
// Each index and constraint is built in a transaction of its own. All of it is found again after a
// crash, so running it twice builds nothing twice. Stateless: safe from any thread.
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
  // Longest wait for a lock on another table (one that a foreign key of the target refers to).
  absl::Duration lock_timeout;
  SwapKeyIndex key_index;
  // Whether to check the foreign keys that point at the target (incoming_keys.h) and to gather
  // statistics at the end. Not needed again when the swap is tried again.
  bool analyze = true;
  // SwapOptions::loaded.
  bool loaded = true;
  // Columns of the target that are not added to `source`.
  std::set<std::string> dropped_columns = {};
};

// Adds to `source` the columns of `target` that it lacks (carried_columns.h), builds on it the
// user's indexes, constraints and statistics of `target` and our index on the primary key, then
// gathers first statistics (first_statistics.h). Without a target it only builds the key's index
// and gathers the statistics. `left_out` receives what is not carried over: what `source` lacks the
// column for, and invalid indexes. Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE, which names the
// constraint, NOT NULL or index that the rows violate; those of CheckIncomingKeys, of
// CheckCarriable (swap_check.h) and of Database::Transact.
absl::Status PrepareSource(Database& database, const TableName& source, const TableName& target,
                           const PreparationOptions& options, std::vector<std::string>* left_out);

}  // namespace syncline::postgres
