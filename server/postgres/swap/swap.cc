#include "server/postgres/swap/swap.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/placement_rules.h"
#include "server/model/table_placement.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/swap/kept_generations.h"
#include "server/postgres/swap/published_default.h"
#include "server/postgres/swap/replaced_tables.h"
#include "server/postgres/swap/swap_check.h"
#include "server/postgres/swap/swap_plan.h"
#include "server/postgres/swap/swap_preparation.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::postgres {
namespace {

// Readers wait for the next statement of a transaction that has blocked them. If its server is
// frozen (stopped, or swapped out), PostgreSQL ends the transaction after this time, and the
// readers continue.
constexpr char kIdleTransactionTimeoutSql[] =
    "SET LOCAL idle_in_transaction_session_timeout = '2s'";

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
        locks_{.tables = {target}, .need = LockNeed::kReaders, .keys = {}, .staging = {source}},
        error_{.reason = reason::kSwapLocked,
               .retry_after = kLockRetryAfter,
               .subject = target.ToString(),
               .what = absl::StrCat("could not lock ", target.ToString(), " for the swap"),
               .consequence = "; the loaded data is kept"},
        attempts_(database, options.locks, locks_, error_),
        fill_early_(options.loaded) {}

  // Makes attempts until the swap is done, refused or out of time.
  absl::Status Run() {
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
      attempts_.Exclude(fill_time_);
      SYNCLINE_RETURN_IF_ERROR(attempts_.WaitForNext(status));
      ++stats_.retries;
      const absl::Duration start = MonotonicNow();
      status = Prepare(/*analyze=*/!prepared_);
      attempts_.Exclude(MonotonicNow() - start);
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
                                            .loaded = options_.loaded,
                                            .dropped_columns = options_.dropped_columns},
                                           &stats_.left_out));
    prepared_ = true;
    return absl::OkStatus();
  }

  absl::Status Attempt() {
    locked_at_.reset();
    fill_time_ = absl::ZeroDuration();
    // Run retries conflicts, with pauses for readers. OverwriteTable confirms the commit.
    absl::Status status = database_.Transact(
        [this](Transaction& transaction) { return InTransaction(transaction); },
        {.retry_conflicts = false, .wait_for_standby = false, .wait_for_unlinking = false});
    if (status.ok() && locked_at_) stats_.lock_held = MonotonicNow() - *locked_at_;
    return status;
  }

  absl::Status InTransaction(Transaction& transaction) {
    SYNCLINE_ASSIGN_OR_RETURN(const SwapTables tables, LocateTables(transaction, source_, target_));
    SYNCLINE_RETURN_IF_ERROR(CheckPlacedAlike(transaction, tables));
    SYNCLINE_RETURN_IF_ERROR(RetryIfVanished(LockDefinitions(transaction, tables)));
    SYNCLINE_RETURN_IF_ERROR(RestoreMetaDefault(transaction, tables));
    if (tables.target_oid != 0) return Replace(transaction, tables);
    SYNCLINE_ASSIGN_OR_RETURN(const SwapPlan plan,
                              CaptureMove(transaction, tables, options_.key_index));
    SYNCLINE_RETURN_IF_ERROR(WriteLedger(transaction, plan));
    SYNCLINE_RETURN_IF_ERROR(RunSteps(transaction, plan.arrival));
    return RunSteps(transaction, plan.steps);
  }

  // Citus renames tables without looking where their rows are, so that a swap would turn a
  // distributed table into one that the other nodes do not know.
  static absl::Status CheckPlacedAlike(Transaction& transaction, const SwapTables& tables) {
    if (tables.target_oid == 0) return absl::OkStatus();
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                              LookUpPlacements(transaction, {tables.source, tables.target}));
    if (ArePlacedAlike(placements[0], placements[1])) return absl::OkStatus();
    return StagedElsewhere(tables.source, tables.target, placements[1]);
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
        absl::StrCat(SetLockTimeoutSql(std::clamp(options_.locks.deadline, lock_timeout(),
                                                  std::max(kLockPatience, lock_timeout()))),
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
        RetryIfVanished(CapturePlan(transaction, tables, options_.key_index,
                                    options_.keep_generations > 0, fill_early_, retyped_views_)));
    // Everything that can be done before readers wait is done here.
    const absl::Duration start = MonotonicNow();
    const absl::Status filled = RetryIfVanished(RunSteps(transaction, plan.early));
    fill_time_ = MonotonicNow() - start;
    if (IsSwapStale(filled)) {
      // The definitions mean something else now; the next attempt creates them with qualified
      // names.
      fill_early_ = false;
      return SwapStale();
    }
    SYNCLINE_RETURN_IF_ERROR(filled);
    SYNCLINE_RETURN_IF_ERROR(WriteLedger(transaction, plan));
    SYNCLINE_RETURN_IF_ERROR(RunSteps(transaction, plan.arrival));
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

  absl::Status BlockReaders(Transaction& transaction, const SwapPlan& plan) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kIdleTransactionTimeoutSql));
    const absl::Duration start = MonotonicNow();
    const absl::Status status = TakeLocks(transaction, lock_timeout(), plan.locks, &locked_at_);
    stats_.lock_wait += MonotonicNow() - start;
    return status;
  }

  Database& database_;
  const TableName& source_;
  const TableName& target_;
  const SwapOptions& options_;
  const std::function<absl::Status(Transaction&)>& ledger_step_;
  SwapStats& stats_;
  const TableLocks locks_;
  const LockError error_;
  LockAttempts attempts_;
  bool prepared_ = false;
  // Views keep their identity unless PostgreSQL refuses to replace one of them.
  RetypedViews retyped_views_ = RetypedViews::kReplace;
  std::optional<absl::Duration> locked_at_;
  bool fill_early_;
  absl::Duration fill_time_;  // of the last attempt, before its locks
};

// The swap is committed. What could not be done now is done by the next swap or the upkeep.
void FinishAndPrune(Database& database, const TableName& target, const SwapOptions& options) {
  const LockPolicy policy = ForFollowUp(options.locks);
  const absl::Status finished = FinishReplaced(database, policy, target);
  if (!finished.ok()) {
    Log(LogLevel::kWarning, "swap_not_finished").Field("table", target.ToString()).Error(finished);
  }
  if (!options.prune_kept) return;
  const absl::Status pruned = PruneKept(database, policy, target, options.keep_generations);
  if (!pruned.ok()) {
    Log(LogLevel::kWarning, "swap_prune_failed").Field("table", target.ToString()).Error(pruned);
  }
}

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
  // Everything that the swap has written is durable when a later commit is.
  SYNCLINE_RETURN_IF_ERROR(database.Transact(MakeReadsDurable));
  if (!stats->left_out.empty()) {
    Log(LogLevel::kWarning, "swap_left_out")
        .Field("table", target.ToString())
        .Field("objects", absl::StrJoin(stats->left_out, "; "));
  }
  FinishAndPrune(database, target, options);
  return absl::OkStatus();
}

}  // namespace syncline::postgres
