// The lock policy of everything that touches a user's table: a transaction waits a short time for a
// lock, holds nothing between its tries, and gives up at a deadline with an error that names the
// sessions in the way.
//
// Stateless: safe from any thread. Blocking.
#pragma once

#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/publish_blockers.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct LockPolicy {
  absl::Duration timeout = absl::Milliseconds(100);  // of one wait
  absl::Duration deadline = absl::Seconds(60);       // of all tries, from the first one that failed
  // Between tries; false when the server is stopping, which ends them.
  std::function<bool(absl::Duration)> wait = WaitInAnyCase;
};

// Bounds each wait for a lock in the rest of `transaction`. Advisory locks come before it: another
// sync may hold them as long as a merge runs.
absl::Status BoundLockWaits(Transaction& transaction, const LockPolicy& policy);
// Ends that bound: for waits for rows of the ledger, which commits in progress hold.
absl::Status UnboundLockWaits(Transaction& transaction);

// What a transaction does to users' tables.
struct TableLocks {
  std::vector<TableName> tables;
  LockNeed need = LockNeed::kRead;
};

// Runs `body` as Database::Transact does, and again, from its start, when a lock was not free in
// time; as after a conflict also when a table vanished under it, as a swap takes one away. Errors:
// ABORTED LOCK_NOT_AVAILABLE with RetryInfo, which names the sessions that hold locks on one of
// `locks`, at the deadline, and without names when the server is stopping; those of
// Database::Transact.
absl::Status TransactUnderPolicy(Database& database, const LockPolicy& policy,
                                 const TableLocks& locks,
                                 absl::FunctionRef<absl::Status(Transaction&)> body);

}  // namespace syncline::postgres
