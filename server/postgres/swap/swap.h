// The swap: a loaded table takes the place of the target in one short transaction.
//
// What depends on the target is kept: views (nested ones too), materialized views, table and column
// grants, owner, comments, indexes with their names, triggers, row level security and policies,
// replica identity, storage parameters, statistics targets and extended statistics, publications,
// foreign keys that point at it, identity of constraints that the user made. What cannot be carried
// over is refused before anything is changed.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/swap/swap_members.h"

namespace syncline::postgres {

struct SwapOptions {
  LockPolicy locks = {};
  // False if `source` has no rows before `ledger_step`, which copies them. Nothing is filled from
  // it or checked against it before that.
  bool loaded = true;
  // Number of replaced tables that are kept as <name>_syncline_old_<n> for a manual rollback.
  int keep_generations = 0;
  // Whether kept tables beyond that number are dropped. False if the old table's rows are in the
  // new one.
  bool prune_kept = true;
  // The index on the primary key of the table that takes the target's place.
  SwapKeyIndex key_index = {};
  // Columns of the target that are dropped. All others are carried over as definitions.
  std::set<std::string> dropped_columns = {};
};

// Measurements of a swap, for metrics.
struct SwapStats {
  absl::Duration lock_wait;  // for the locks that block readers, in all attempts
  // From the first of these locks to the end of COMMIT. Readers wait less, because the database
  // deletes the old table's files after it has released the locks.
  absl::Duration lock_held;
  int retries = 0;
  // What the new table does not have because it lacks the column, and invalid indexes.
  std::vector<std::string> left_out;
};

// Moves `source` to the place of `target`, which may be missing. `ledger_step` runs in the swap's
// transaction, before readers are blocked. Its error rolls everything back, and it runs again if
// the attempt is repeated.
//
// The slow part (indexes, constraints, ANALYZE on `source`) runs before, in transactions of its
// own, and the next call finds its results. `stats` may be null. Details: docs/swap.md.
//
// Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS or TARGET_INCOMPATIBLE, which names the object,
// SCHEMA_CHANGED if `source` is missing, or TARGET_DISTRIBUTED if Citus keeps the rows of the two
// tables in different places; ABORTED SWAP_LOCKED with RetryInfo if the lock was not
// obtained in time (`source` is kept); PERMISSION_DENIED, which names a view or table that our role
// may not change; those of Database::Transact, including COMMIT_UNKNOWN, after which the ledger
// shows whether the swap committed.
absl::Status OverwriteTable(Database& database, const TableName& source, const TableName& target,
                            const SwapOptions& options,
                            const std::function<absl::Status(Transaction&)>& ledger_step,
                            SwapStats* stats);

}  // namespace syncline::postgres
