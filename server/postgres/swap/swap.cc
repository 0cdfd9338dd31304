#include "server/postgres/swap/swap.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/interruption.h"
#include "base/log.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/swap/kept_generations.h"
#include "server/postgres/swap/swap_check.h"
#include "server/postgres/swap/swap_plan.h"
#include "server/postgres/swap/swap_preparation.h"

namespace syncline::postgres {
namespace {

// Longest wait for locks behind which no reader or writer of the target queues. Longer than
// PostgreSQL's deadlock_timeout, after which PostgreSQL cancels an autovacuum that holds up the
// lock.
constexpr absl::Duration kPatience = absl::Seconds(3);

// Readers wait for the next statement of a transaction that has blocked them. If its server is
// frozen (stopped, or swapped out), PostgreSQL ends the transaction after this time, and the
// readers continue.
constexpr char kIdleTransactionTimeoutSql[] =
    "; SET LOCAL idle_in_transaction_session_timeout = '2s'; ";

// Returns whether a view could not be replaced because the type of one of its columns would change.
bool ChangesViewColumn(const absl::Status& status) { return GetSqlState(status) == "42P16"; }

class Swap {
 public:
  Swap(Database& database, const TableName& source, const TableName& target,
       const SwapOptions& options, const std::function<absl::Status(Transaction&)>& ledger_step,
       SwapStats* stats)
      : database_(database),
        source_(source),
        target_(target),
        options_(options),
        ledger_step_(ledger_step),
        stats_(*stats),
        deadline_(MonotonicNow() + options.locks.deadline) {}

  // Makes attempts until the swap is done, refused or out of time.
  absl::Status Run() {
    Backoff backoff(lock_timeout(), 10 * lock_timeout());
    absl::Status status = Prepare(/*analyze=*/true);
    while (true) {
      if (status.ok()) status = Attempt();
      if (status.ok()) return status;
      if (ChangesViewColumn(status) && retyped_views_ == RetypedViews::kReplace) {
        retyped_views_ = RetypedViews::kRecreate;
        status = absl::OkStatus();
        continue;
      }
      if (!IsLockTimeout(status) && !IsConflict(status) && !IsSwapStale(status)) return status;
      const absl::Duration pause = backoff.Next();
      if (MonotonicNow() + pause >= deadline_) return Locked(status);
      if (!options_.locks.wait(pause)) {
        SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
        return Locked(status);
      }
      ++stats_.retries;
      status = Prepare(/*analyze=*/!prepared_);
    }
  }

 private:
  absl::Duration lock_timeout() const { return options_.locks.timeout; }

  absl::Status Prepare(bool analyze) {
    stats_.left_out.clear();
    SYNCLINE_RETURN_IF_ERROR(PrepareSource(database_, source_, target_,
                                           {.lock_timeout = lock_timeout(),
                                            .key_index = options_.key_index,
                                            .analyze = analyze,
                                            .dropped_columns = options_.dropped_columns},
                                           &stats_.left_out));
    prepared_ = true;
    return absl::OkStatus();
  }

  absl::Status Attempt() {
    locked_at_.reset();
    // Run retries conflicts, with pauses for readers.
    absl::Status status =
        database_.Transact([this](Transaction& transaction) { return InTransaction(transaction); },
                           {.retry_conflicts = false});
    if (status.ok() && locked_at_) stats_.lock_held = MonotonicNow() - *locked_at_;
    return status;
  }

  absl::Status InTransaction(Transaction& transaction) {
    SYNCLINE_ASSIGN_OR_RETURN(const SwapTables tables, LocateTables(transaction, source_, target_));
    SYNCLINE_RETURN_IF_ERROR(RetryIfVanished(LockDefinitions(transaction, tables)));
    if (tables.target_oid != 0) return Replace(transaction, tables);
    SYNCLINE_ASSIGN_OR_RETURN(const SwapPlan plan,
                              CaptureMove(transaction, tables, options_.key_index));
    SYNCLINE_RETURN_IF_ERROR(WriteLedger(transaction, plan));
    return RunSteps(transaction, plan.steps);
  }

  absl::Status WriteLedger(Transaction& transaction, const SwapPlan& plan) {
    SYNCLINE_RETURN_IF_ERROR(ledger_step_(transaction));
    const SwapKeyIndex& key = options_.key_index;
    if (key.indexes == nullptr) return absl::OkStatus();
    return key.indexes->RecordReplacement(transaction, source_, target_, plan.key_index,
                                          key.schema->primary_key);
  }

  // Takes locks behind which no reader queues: nothing reads the source, and the target's lock
  // allows its rows to be read and written but prevents changes of its definition and the start of
  // a vacuum.
  absl::Status LockDefinitions(Transaction& transaction, const SwapTables& tables) {
    std::string sql =
        absl::StrCat(SetLockTimeoutSql(std::clamp(deadline_ - MonotonicNow(), lock_timeout(),
                                                  std::max(kPatience, lock_timeout()))),
                     "; LOCK TABLE ", tables.quoted_source, " IN ACCESS EXCLUSIVE MODE");
    if (tables.target_oid != 0) {
      absl::StrAppend(&sql, "; LOCK TABLE ", tables.quoted_target,
                      " IN SHARE UPDATE EXCLUSIVE MODE");
    }
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(sql));
    // A name may have passed to another table during the wait.
    SYNCLINE_ASSIGN_OR_RETURN(const SwapTables now, LocateTables(transaction, source_, target_));
    const bool same = now.source_oid == tables.source_oid && now.target_oid == tables.target_oid;
    return same ? absl::OkStatus() : SwapStale();
  }

  absl::Status Replace(Transaction& transaction, const SwapTables& tables) {
    SYNCLINE_RETURN_IF_ERROR(PrepareFingerprint(transaction));
    SYNCLINE_ASSIGN_OR_RETURN(const std::string before,
                              RetryIfVanished(Fingerprint(transaction, tables.target_oid)));
    SYNCLINE_ASSIGN_OR_RETURN(
        const SwapPlan plan,
        RetryIfVanished(CapturePlan(
            transaction, tables, options_.key_index,
            options_.keep_generations > 0 ? OldTable::kKeep : OldTable::kDrop, retyped_views_)));
    // Everything that can be done before readers wait is done here.
    SYNCLINE_RETURN_IF_ERROR(WriteLedger(transaction, plan));
    SYNCLINE_RETURN_IF_ERROR(RetryIfVanished(BlockReaders(transaction, plan)));
    // Views and grants may have changed until a moment ago, because no weaker lock prevents that.
    // One message checks that and continues, so that readers do not wait for a reply to be read.
    std::vector<DdlStep> steps = {{.subject = target_.ToString(),
                                   .sql = CheckFingerprintSql(tables.target_oid, before),
                                   .reason = kSwapStale}};
    steps.insert(steps.end(), plan.steps.begin(), plan.steps.end());
    absl::Status status = RunSteps(transaction, steps);
    SYNCLINE_FAILPOINT(kSwapped);
    return IsSwapStale(status) ? SwapStale() : status;
  }

  // All locks together get one lock_timeout, because readers queue behind the first from the start.
  absl::Status BlockReaders(Transaction& transaction, const SwapPlan& plan) {
    const absl::Duration start = MonotonicNow();
    absl::Status status;
    for (const DdlStep& lock : plan.locks) {
      const absl::Duration left = lock_timeout() - (MonotonicNow() - start);
      status = WithSubject(
          transaction.Execute(absl::StrCat(SetLockTimeoutSql(left), kIdleTransactionTimeoutSql,
                                           lock.sql, "; ", SetLockTimeoutSql(lock_timeout()))),
          lock);
      if (!status.ok()) break;
      if (!locked_at_) locked_at_ = MonotonicNow();
    }
    stats_.lock_wait += MonotonicNow() - start;
    return status;
  }

  static absl::Status WithSubject(const absl::Status& status, const DdlStep& step) {
    return status.ok() ? status : WithContext(status, step.subject);
  }

  absl::Status Locked(const absl::Status& cause) const {
    ErrorDetail detail;
    detail.reason = reason::kSwapLocked;
    detail.subject = target_.ToString();
    detail.retry_after = kLockRetryAfter;
    detail.metadata.emplace_back("sqlstate", GetSqlState(cause));
    return MakeError(absl::StatusCode::kAborted,
                     absl::StrCat("could not lock ", target_.ToString(), " for the swap within ",
                                  absl::FormatDuration(options_.locks.deadline),
                                  "; the loaded data is kept: ", cause.message()),
                     detail);
  }

  Database& database_;
  const TableName& source_;
  const TableName& target_;
  const SwapOptions& options_;
  const std::function<absl::Status(Transaction&)>& ledger_step_;
  SwapStats& stats_;
  const absl::Duration deadline_;
  bool prepared_ = false;
  // Views keep their identity unless PostgreSQL refuses to replace one of them.
  RetypedViews retyped_views_ = RetypedViews::kReplace;
  std::optional<absl::Duration> locked_at_;
};

}  // namespace

absl::Status OverwriteTable(Database& database, const TableName& source, const TableName& target,
                            const SwapOptions& options,
                            const std::function<absl::Status(Transaction&)>& ledger_step,
                            SwapStats* stats) {
  SwapStats unused;
  if (stats == nullptr) stats = &unused;
  *stats = SwapStats();
  SYNCLINE_RETURN_IF_ERROR(Swap(database, source, target, options, ledger_step, stats).Run());
  SYNCLINE_FAILPOINT(kSwapCommitted);
  if (!stats->left_out.empty()) {
    Log(LogLevel::kWarning, "swap_left_out")
        .Field("table", target.ToString())
        .Field("objects", absl::StrJoin(stats->left_out, "; "));
  }
  if (!options.prune_kept) return absl::OkStatus();
  // The swap is committed. Kept tables that could not be dropped now are dropped by the next swap.
  const absl::Status pruned = PruneKept(
      database, target, {.keep = options.keep_generations, .lock_timeout = options.locks.timeout});
  if (!pruned.ok()) {
    Log(LogLevel::kWarning, "swap_prune_failed").Field("table", target.ToString()).Error(pruned);
  }
  return absl::OkStatus();
}

}  // namespace syncline::postgres
