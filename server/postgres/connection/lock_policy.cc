#include "server/postgres/connection/lock_policy.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/monotonic_time.h"
#include "base/status_macros.h"
#include "server/postgres/connection/advisory_lock.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

constexpr absl::Duration kFollowUpDeadline = absl::Seconds(5);

// $1: schemas; $2: tables. Returns one statement per table that exists.
constexpr char kCancelAutovacuumSql[] = R"sql(
SELECT pg_catalog.format('LOCK TABLE %I.%I IN SHARE UPDATE EXCLUSIVE MODE', n.nspname, c.relname)
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.table_schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
WHERE c.relkind IN ('r', 'p')
)sql";

constexpr char kLockTimeoutSql[] =
    "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'";

bool ConflictsWithVacuum(LockNeed need) {
  switch (need) {
    case LockNeed::kNone:
    case LockNeed::kRead:
    case LockNeed::kLoad:
      return false;
    case LockNeed::kWriters:
    case LockNeed::kReaders:
    case LockNeed::kReferenced:
      return true;
  }
  return false;
}

absl::Status AddContext(const absl::Status& status, const DdlStep& step) {
  return status.ok() ? status : WithContext(status, step.subject);
}

absl::StatusOr<std::vector<Blocker>> FindAllBlockers(Transaction& transaction,
                                                     const TableLocks& locks) {
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<Blocker> blockers,
                            FindBlockers(transaction, locks.tables, locks.need));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Blocker> readers,
                            FindBlockers(transaction, locks.staging, LockNeed::kReaders));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Blocker> holders,
                            FindLockHolders(transaction, locks.keys));
  blockers.insert(blockers.end(), readers.begin(), readers.end());
  blockers.insert(blockers.end(), holders.begin(), holders.end());
  return blockers;
}

}  // namespace

LockPolicy ForFollowUp(const LockPolicy& policy) {
  LockPolicy follow_up = policy;
  follow_up.deadline = std::min(policy.deadline, kFollowUpDeadline);
  return follow_up;
}

absl::Status LimitLockWaits(Transaction& transaction, const LockPolicy& policy) {
  return transaction.Execute(SetLockTimeoutSql(policy.timeout));
}

absl::Status TakeLocks(Transaction& transaction, absl::Duration timeout,
                       const std::vector<DdlStep>& locks,
                       std::optional<absl::Duration>* first_taken) {
  const absl::Duration start = MonotonicNow();
  for (const DdlStep& lock : locks) {
    const absl::Duration left = timeout - (MonotonicNow() - start);
    SYNCLINE_RETURN_IF_ERROR(
        AddContext(transaction.Execute(absl::StrCat(SetLockTimeoutSql(left), "; ", lock.sql, "; ",
                                                    SetLockTimeoutSql(timeout))),
                   lock));
    if (first_taken != nullptr && !first_taken->has_value()) *first_taken = MonotonicNow();
  }
  return absl::OkStatus();
}

absl::Status TakeLocks(Transaction& transaction, const std::vector<DdlStep>& locks) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result setting, transaction.Query(kLockTimeoutSql));
  const int64_t timeout_ms = setting.Int(0, 0);
  if (timeout_ms > 0) return TakeLocks(transaction, absl::Milliseconds(timeout_ms), locks);
  for (const DdlStep& lock : locks) {
    SYNCLINE_RETURN_IF_ERROR(AddContext(transaction.Execute(lock.sql), lock));
  }
  return absl::OkStatus();
}

absl::Status LockAttempts::MakeLockError(const absl::Status& cause, absl::string_view who,
                                         const std::vector<Blocker>& blockers) const {
  ErrorDetail detail;
  detail.reason = error_.reason;
  detail.retry_after = error_.retry_after;
  detail.subject = error_.subject;
  if (detail.subject.empty() && !blockers.empty()) detail.subject = blockers.front().object;
  detail.metadata = {{"blockers", DescribeBlockers(blockers)}, {"sqlstate", GetSqlState(cause)}};
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat(error_.what, " within ", absl::FormatDuration(policy_.deadline),
                                who, error_.consequence),
                   detail);
}

absl::Status LockAttempts::Expire(const absl::Status& cause) {
  // A conflict that persists is no lock that another session holds.
  if (!IsLockTimeout(cause)) return MakeLockError(cause, absl::StrCat(": ", cause.message()), {});
  std::vector<Blocker> blockers;
  // The blocking session may be gone by now; the error is then the same, without its name.
  const absl::Status found = database_.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(blockers, FindAllBlockers(transaction, locks_));
    return absl::OkStatus();
  });
  const std::string who =
      !blockers.empty() ? DescribeBlockers(blockers)
      : found.ok()      ? "a session that has released it since"
                        : absl::StrCat("sessions that could not be listed: ", found.message());
  return MakeLockError(cause, absl::StrCat(", held by ", who), blockers);
}

absl::Status LockAttempts::WaitForNext(const absl::Status& cause) {
  // The attempt that failed began to wait for its lock a timeout ago.
  if (!deadline_.has_value()) deadline_ = MonotonicNow() - policy_.timeout + policy_.deadline;
  const absl::Duration pause = backoff_.Next();
  if (MonotonicNow() + pause >= *deadline_) return Expire(cause);
  if (!policy_.wait(pause)) {
    SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
    return MakeError(absl::StatusCode::kUnavailable, "the server is stopping",
                     {.reason = reason::kDraining, .retry_after = kLockRetryAfter});
  }
  if (!cancelled_autovacuum_ && MonotonicNow() >= *deadline_ - policy_.deadline / 2) {
    cancelled_autovacuum_ = true;
    CancelAutovacuum();
  }
  return absl::OkStatus();
}

void LockAttempts::Exclude(absl::Duration work) {
  if (deadline_.has_value()) *deadline_ += work;
}

void LockAttempts::CancelAutovacuum() {
  std::vector<TableName> tables = locks_.staging;
  if (ConflictsWithVacuum(locks_.need)) {
    tables.insert(tables.end(), locks_.tables.begin(), locks_.tables.end());
  }
  if (tables.empty()) return;
  std::vector<std::string> statements;
  // If any of this fails, the next attempt meets the same lock and reports it.
  database_
      .Transact([&](Transaction& transaction) -> absl::Status {
        statements.clear();
        SYNCLINE_ASSIGN_OR_RETURN(
            const Result rows,
            transaction.Query(kCancelAutovacuumSql, Params().TableNames(tables)));
        for (size_t row = 0; row < rows.size(); ++row) statements.push_back(rows.Text(row, 0));
        return absl::OkStatus();
      })
      .IgnoreError();
  for (const std::string& sql : statements) {
    database_
        .Transact([&](Transaction& transaction) { return transaction.Execute(sql); },
                  {.lock_timeout = kLockPatience, .retry_conflicts = false})
        .IgnoreError();
  }
}

absl::Status TransactUnderPolicy(Database& database, const LockPolicy& policy,
                                 const TableLocks& locks,
                                 absl::FunctionRef<absl::Status(Transaction&)> body,
                                 const TransactOptions& options) {
  const LockError error;
  LockAttempts attempts(database, policy, locks, error);
  while (true) {
    absl::Status met;
    absl::Status status = database.Transact(
        [&](Transaction& transaction) {
          met = body(transaction);
          return RetryIfVanished(met);
        },
        options);
    // An error that every retry met is not a race, so the body's own error is returned, unless it
    // is internal and means nothing to a caller.
    if (IsConflict(status) && !met.ok() && !absl::IsInternal(met)) status = met;
    if (!IsLockTimeout(status)) return status;
    SYNCLINE_RETURN_IF_ERROR(attempts.WaitForNext(status));
  }
}

absl::Status TransactAgainstReaders(Database& database, const LockPolicy& policy,
                                    const TableLocks& locks,
                                    absl::FunctionRef<absl::Status(Transaction&)> body) {
  return TransactUnderPolicy(
      database, policy, locks, body,
      {.lock_timeout = policy.timeout, .wait_for_standby = false, .wait_for_unlinking = false});
}

}  // namespace syncline::postgres
