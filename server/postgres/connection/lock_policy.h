// The lock policy for users' tables: a transaction waits a short time for a lock, holds nothing
// between attempts, and fails at a deadline with an error that names the blocking sessions.
//
// Stateless: safe from any thread. The functions block.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/interruption.h"
#include "server/model/lock_limits.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/publish_blockers.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct LockPolicy {
  absl::Duration timeout = kDefaultLockTimeout;    // of one attempt
  absl::Duration deadline = kDefaultLockDeadline;  // of all attempts
  // Waits between attempts. Returns false if the server is stopping or the call was interrupted,
  // which ends the attempts.
  std::function<bool(absl::Duration)> wait = Interruption::Sleep;
};

// How long a caller should wait before it repeats a call that failed at the deadline.
inline constexpr absl::Duration kLockRetryAfter = absl::Seconds(5);

// Bounds each wait for a lock in the rest of `transaction`.
absl::Status LimitLockWaits(Transaction& transaction, const LockPolicy& policy);
// Removes that bound, for the waits of a merge for rows that others have locked.
absl::Status UnlimitLockWaits(Transaction& transaction);

// What a transaction locks, for errors that name the sessions that block it.
struct TableLocks {
  std::vector<TableName> tables;  // of users
  LockNeed need = LockNeed::kRead;
  std::vector<std::string> keys = {};  // advisory locks (advisory_lock.h)
};

// Runs `body` as Database::Transact does, and runs it again from its start if a lock was not
// available in time, until the deadline, counted from the first failure, has passed. If a table
// vanished meanwhile, as during a swap, the transaction is retried like after a conflict. Errors:
// ABORTED LOCK_NOT_AVAILABLE with RetryInfo, which at the deadline names the sessions that block
// `locks`, and if the server is stopping names none; those of Database::Transact.
absl::Status TransactUnderPolicy(Database& database, const LockPolicy& policy,
                                 const TableLocks& locks,
                                 absl::FunctionRef<absl::Status(Transaction&)> body);

}  // namespace syncline::postgres
