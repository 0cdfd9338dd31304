// Assigns sequence numbers to committed checkpoints: their order among the sync's events, which
// watchers use as a cursor.
//
// Data transactions store checkpoints without a number, so that they lock no row that writers
// share. Numbers are assigned afterwards, under the lock of the sync's row, which also orders the
// numbers of an older server (it assigns them in its data transactions): a number becomes visible
// only after all lower ones. A writer's checkpoints are numbered in the order of their offsets. A
// checkpoint that covers several writers is numbered once all of its positions are durable.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct CheckpointNumbering {
  std::vector<int64_t> numbered;  // syncs that got numbers
  std::vector<int64_t> locked;    // syncs that another transaction had locked
  // Syncs with checkpoints that wait for other writers; possibly also some of which the last one
  // was just numbered.
  std::vector<int64_t> waiting;
};

// Returns those of `sync_nos` that have committed checkpoints to number. Locks nothing.
absl::StatusOr<std::vector<int64_t>> FindDueCheckpoints(Transaction& transaction,
                                                        absl::string_view quoted_schema,
                                                        const std::vector<int64_t>& sync_nos);

// Numbers every committed checkpoint of `sync_nos` that has no number yet, except those of syncs
// that another transaction has locked. The number of statements does not depend on the number of
// syncs and checkpoints; if there is nothing to number, it is one, which locks nothing. The
// transaction must be durable, because callers use the numbers as cursors, and must not lock rows
// of streams, writers or generations afterwards (row_locks.h).
absl::StatusOr<CheckpointNumbering> NumberCheckpoints(Transaction& transaction,
                                                      absl::string_view quoted_schema,
                                                      const std::vector<int64_t>& sync_nos);

}  // namespace syncline::postgres
