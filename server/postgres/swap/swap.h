// Overwrite: puts a loaded temp table in the place of the final one, in one short transaction.
//
// What depends on the final table stays: views (nested ones too), materialized views, table and
// column grants, owner, comments, indexes with their names, triggers, row level security and
// policies, replica identity, storage parameters, statistics targets and extended statistics,
// publications, foreign keys pointing at it, identity of user-made constraints. What cannot be
// carried over is refused before anything changed.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/swap/swap_members.h"

namespace syncline::postgres {

struct SwapOptions {
  // Most time that one attempt waits for its lock, and so the most that readers queue behind it.
  absl::Duration lock_timeout = absl::Milliseconds(100);
  // Attempts go on, with jitter, until this much time has passed.
  absl::Duration deadline = absl::Seconds(60);
  // Between attempts; false when the server is stopping, which ends them.
  std::function<bool(absl::Duration)> wait = WaitInAnyCase;
  // How many replaced tables are kept as <name>_syncline_old_<n> for a rollback by hand.
  int keep_generations = 0;
  // Kept tables beyond that go; not when the old table's rows are in the new one.
  bool prune_kept = true;
  // The index on the primary key of the table that takes the place.
  SwapKeyIndex key_index = {};
  // Columns of the target that go with it; all others are carried over as definitions.
  std::set<std::string> dropped_columns = {};
};

// What a swap did, for metrics.
struct SwapStats {
  absl::Duration lock_wait;  // for the locks that keep readers out, all attempts together
  // From the first of these locks to the end of COMMIT. Readers wait less: the database deletes the
  // old table's files after it let go of the locks.
  absl::Duration lock_held;
  int retries = 0;
  // What the new table does not have, because it lacks the column or its rows have nulls.
  std::vector<std::string> left_out;
};

// Moves `source` to the place of `target` (which may be missing). `ledger_step` runs in the swap's
// transaction, before readers are kept out: its error rolls everything back; it runs again when an
// attempt is repeated.
// The slow part (indexes, constraints, ANALYZE on `source`) runs before, in transactions of its
// own, and is found again by the next call. `stats` may be null. Details: docs/swap.md.
// Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS or TARGET_INCOMPATIBLE naming the object,
// SCHEMA_CHANGED when `source` is missing; ABORTED SWAP_LOCKED with RetryInfo when the lock was not
// obtained in time (`source` is kept); PERMISSION_DENIED naming a view or table that is not ours to
// change; those of Database::Transact, COMMIT_UNKNOWN too: the ledger tells.
absl::Status OverwriteTable(Database& database, const TableName& source, const TableName& target,
                            const SwapOptions& options,
                            const std::function<absl::Status(Transaction&)>& ledger_step,
                            SwapStats* stats);

}  // namespace syncline::postgres
