// The lock policy for users' tables: a transaction waits a short time for a lock, holds nothing
// between attempts, and fails at a deadline with an error that names the blocking sessions.
//
// Every lock that makes sessions of the user wait is taken under this policy: by changes of a
// table's definition, drops of indexes, merges, swaps, and what follows a swap. Because one attempt
// waits less than deadlock_timeout, PostgreSQL never ends a user's transaction to resolve a
// deadlock with ours.
//
// Except for LockAttempts, stateless: safe from any thread. The functions block.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/interruption.h"
#include "base/reasons.h"
#include "server/model/lock_limits.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/ddl_step.h"
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

// Longest wait for a lock behind which no session of the user queues. Longer than PostgreSQL's
// deadlock_timeout (1 s), after which PostgreSQL cancels an autovacuum that holds up the lock.
inline constexpr absl::Duration kLockPatience = absl::Seconds(3);

// Returns the policy for work that follows a committed result and that a later sync repeats if it
// fails, such as dropping what is no longer needed: its deadline is at most 5 s.
LockPolicy ForFollowUp(const LockPolicy& policy);

// Bounds each wait for a lock in the rest of `transaction`.
absl::Status LimitLockWaits(Transaction& transaction, const LockPolicy& policy);

// Takes `locks` one after the other. All of them together wait at most as long as `timeout`,
// because readers queue behind the first one from the start. Later waits of the transaction are
// bounded by `timeout`, too. `first_taken`, if not null, receives when (MonotonicNow) the first
// lock was taken.
absl::Status TakeLocks(Transaction& transaction, absl::Duration timeout,
                       const std::vector<DdlStep>& locks,
                       std::optional<absl::Duration>* first_taken = nullptr);
// The same with the transaction's current lock_timeout. If there is none, waits are not bounded.
absl::Status TakeLocks(Transaction& transaction, const std::vector<DdlStep>& locks);

// What a transaction locks, for errors that name the sessions that block it.
struct TableLocks {
  std::vector<TableName> tables;  // of users
  LockNeed need = LockNeed::kRead;
  std::vector<std::string> keys = {};  // advisory locks (advisory_lock.h)
  // Staging tables that are locked against every other session.
  std::vector<TableName> staging = {};
};

// The error when the deadline has passed.
struct LockError {
  std::string reason = ::syncline::reason::kLockNotAvailable;
  absl::Duration retry_after = kLockRetryAfter;
  std::string subject = {};  // empty: the first object that another session blocks
  std::string what = "a lock was not available";
  std::string consequence = {};  // the end of the message
};

// The attempts of one operation to take its locks. For one thread.
class LockAttempts {
 public:
  // Everything must outlive the object.
  LockAttempts(Database& database, const LockPolicy& policy, const TableLocks& locks,
               const LockError& error)
      : database_(database),
        policy_(policy),
        locks_(locks),
        error_(error),
        backoff_(policy.timeout, 10 * policy.timeout) {}

  // Waits before the next attempt, after one that failed with `cause` and holds nothing any more.
  // The deadline counts from the start of the first failed wait for a lock. When half of it has
  // passed, an autovacuum that is at work on one of the tables is cancelled; until then it may
  // finish. Errors: ABORTED with RetryInfo as `error` specifies, which names the blocking
  // sessions; UNAVAILABLE DRAINING if the server is stopping; the calling thread's Interruption.
  absl::Status WaitForNext(const absl::Status& cause);

  // Extends the deadline by the time of work between attempts that waits for no lock.
  void Exclude(absl::Duration work);

 private:
  absl::Status MakeLockError(const absl::Status& cause, absl::string_view who,
                             const std::vector<Blocker>& blockers) const;
  // Finds the blocking sessions for the error.
  absl::Status Expire(const absl::Status& cause);
  // Waits for a lock that conflicts with a vacuum, but with no reader and no writer, until
  // PostgreSQL has cancelled an autovacuum.
  void CancelAutovacuum();

  Database& database_;
  const LockPolicy& policy_;
  const TableLocks& locks_;
  const LockError& error_;
  Backoff backoff_;
  std::optional<absl::Duration> deadline_;
  bool cancelled_autovacuum_ = false;
};

// Runs `body` as Database::Transact does, and runs it again from its start if a lock was not
// available in time, as LockAttempts does. If a table vanished meanwhile, as during a swap, the
// transaction is retried like after a conflict. Errors: those of LockAttempts, with the reason
// LOCK_NOT_AVAILABLE; those of Database::Transact.
absl::Status TransactUnderPolicy(Database& database, const LockPolicy& policy,
                                 const TableLocks& locks,
                                 absl::FunctionRef<absl::Status(Transaction&)> body,
                                 const TransactOptions& options = {});

// Runs `body` under the policy in a transaction whose locks make readers of a user's table wait. It
// does not wait for synchronous standbys, because its locks would last as long. A later commit of
// the caller confirms it.
absl::Status TransactAgainstReaders(Database& database, const LockPolicy& policy,
                                    const TableLocks& locks,
                                    absl::FunctionRef<absl::Status(Transaction&)> body);

}  // namespace syncline::postgres
