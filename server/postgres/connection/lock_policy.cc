#include "server/postgres/connection/lock_policy.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/interruption.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/advisory_lock.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

absl::Status MakeLockTimeoutError(Database& database, const LockPolicy& policy,
                                  const TableLocks& locks, const absl::Status& cause) {
  std::vector<Blocker> blockers;
  // The blocking session may be gone by now; the error is then the same, without its name.
  const absl::Status found = database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(blockers, FindBlockers(transaction, locks.tables, locks.need));
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Blocker> holders,
                              FindLockHolders(transaction, locks.keys));
    blockers.insert(blockers.end(), holders.begin(), holders.end());
    return absl::OkStatus();
  });
  const std::string named = DescribeBlockers(blockers);
  ErrorDetail detail;
  detail.reason = reason::kLockNotAvailable;
  detail.retry_after = kLockRetryAfter;
  if (!blockers.empty()) detail.subject = blockers.front().object;
  detail.metadata = {{"blockers", named}, {"sqlstate", GetSqlState(cause)}};
  const std::string who =
      !named.empty() ? named
      : found.ok()   ? "a session that has released it since"
                     : absl::StrCat("sessions that could not be listed: ", found.message());
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("a lock was not available within ",
                                absl::FormatDuration(policy.deadline), ", held by ", who),
                   detail);
}

}  // namespace

absl::Status LimitLockWaits(Transaction& transaction, const LockPolicy& policy) {
  return transaction.Execute(SetLockTimeoutSql(policy.timeout));
}

absl::Status UnlimitLockWaits(Transaction& transaction) {
  return transaction.Execute(ResetLockTimeoutSql());
}

absl::Status TransactUnderPolicy(Database& database, const LockPolicy& policy,
                                 const TableLocks& locks,
                                 absl::FunctionRef<absl::Status(Transaction&)> body) {
  Backoff backoff(policy.timeout, 10 * policy.timeout);
  std::optional<absl::Duration> deadline;
  while (true) {
    absl::Status met;
    absl::Status status = database.Transact([&](Transaction& transaction) {
      met = body(transaction);
      return RetryIfVanished(met);
    });
    // An error that every retry met is not a race, so the body's own error is returned, unless it
    // is internal and means nothing to a caller.
    if (IsConflict(status) && !met.ok() && !absl::IsInternal(met)) status = met;
    if (!IsLockTimeout(status)) return status;
    if (!deadline.has_value()) deadline = MonotonicNow() + policy.deadline;
    const absl::Duration pause = backoff.Next();
    if (MonotonicNow() + pause >= *deadline)
      return MakeLockTimeoutError(database, policy, locks, status);
    if (!policy.wait(pause)) {
      SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
      return status;
    }
  }
}

}  // namespace syncline::postgres
