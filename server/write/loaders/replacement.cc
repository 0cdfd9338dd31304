#include "server/write/loaders/replacement.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/swap/swap.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/schema_evolution.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/upsert.h"
#include "server/write/guard_check.h"
#include "server/write/loaders/dedup.h"
#include "server/write/loaders/in_place.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/replace_decision.h"
#include "server/write/table_evolution.h"
#include "server/write/table_identity.h"
#include "server/write/table_renewal.h"

namespace syncline::write {
namespace {

// After a swap has not got its locks: the attempts of the in-place replace, in timeouts of one.
constexpr int kLockedDeadlineAttempts = 10;

// Prepares staging for a replace. Deduplicating twice changes nothing, so a crash between here and
// the replace is harmless.
absl::Status PrepareReplacement(const LoaderContext& context, postgres::Transaction& transaction,
                                const StreamPlan& plan) {
  if (plan.loader != LoaderKind::kDedupTruncate) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                            FindUndeclared(transaction, *context.ledger, plan));
  return postgres::DedupeTable(transaction, plan.temp_table, plan.schema,
                               {.cdc_delete_mode = plan.cdc_delete_mode, .undeclared = undeclared})
      .status();
}

// Copies or merges the staged rows into the target, which is of their generation, and drops
// staging.
absl::Status AddToTarget(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan, StreamResult* result) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                            FindUndeclared(transaction, *context.ledger, plan));
  StreamPlan added = plan;
  SYNCLINE_ASSIGN_OR_RETURN(added.schema,
                            MakeTarget(transaction, *context.ledger, plan, /*exists=*/true,
                                       postgres::CastFailure::kNull, undeclared));
  if (plan.loader == LoaderKind::kDedupTruncate) {
    result->outcome = StreamOutcome::kMerged;
    SYNCLINE_ASSIGN_OR_RETURN(result->rows, MergeAndDrop(context, transaction, added, undeclared));
    return absl::OkStatus();
  }
  result->outcome = StreamOutcome::kAppended;
  SYNCLINE_ASSIGN_OR_RETURN(
      result->rows,
      postgres::CopyTable(transaction, plan.temp_table, plan.table, added.schema, undeclared));
  return DropStaging(context, transaction, plan);
}

// Returns whether the staged rows are added to a target whose definition must be changed first.
absl::StatusOr<bool> NeedsEvolvedTarget(const LoaderContext& context,
                                        postgres::Transaction& transaction, const StreamPlan& plan,
                                        CompletionAction action) {
  if (action != CompletionAction::kCopy && action != CompletionAction::kMerge) return false;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                            FindUndeclared(transaction, *context.ledger, plan));
  return NeedsEvolution(transaction, *context.ledger, plan, undeclared);
}

// Takes the locks of `action` before anything slow is done.
absl::Status LockToPublish(const LoaderContext& context, postgres::Transaction& transaction,
                           const StreamPlan& plan, CompletionAction action, bool staged) {
  if (!Publishes(action) || !staged) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(LockStaging(context, transaction, plan));
  return action == CompletionAction::kMerge ? postgres::LockForMerge(transaction, plan.table)
                                            : absl::OkStatus();
}

// Runs the steps of `action` that end the stream in this transaction; a replace is only prepared.
absl::Status RunAction(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       CompletionAction action, StreamResult* result) {
  const StreamPlan& plan = stream.plan;
  switch (action) {
    case CompletionAction::kReplace:
      return PrepareReplacement(context, transaction, plan);
    case CompletionAction::kNone:
      return absl::InternalError("a replace must publish its rows, but kNone was decided");
    case CompletionAction::kKeep:
      *result = {StreamOutcome::kKeptForResume, stream.records_written};
      break;
    case CompletionAction::kRemoveOwnRows:
      SYNCLINE_RETURN_IF_ERROR(TakeBack(context, transaction, plan, result));
      break;
    case CompletionAction::kUnchanged:
    case CompletionAction::kDiscard:
      *result = {StreamOutcome::kUnchanged, 0};
      SYNCLINE_RETURN_IF_ERROR(DropStaging(context, transaction, plan));
      break;
    case CompletionAction::kCopy:
    case CompletionAction::kMerge:
      SYNCLINE_RETURN_IF_ERROR(AddToTarget(context, transaction, plan, result));
      break;
  }
  return EndStream(context, transaction, stream, request, *result);
}

absl::StatusOr<int64_t> CountStaged(const LoaderContext& context, const StreamEntry& stream) {
  // The stream's rows are all that is staged, unless deduplication removed some of them.
  if (stream.staged_alone && stream.plan.loader == LoaderKind::kAppendTruncate) {
    return stream.records_written;
  }
  int64_t rows = 0;
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(rows, postgres::CountRows(transaction, stream.plan.temp_table));
        return absl::OkStatus();
      }));
  return rows;
}

absl::StatusOr<StreamResult> SwapAndFinish(const LoaderContext& context, const StreamEntry& stream,
                                           const CompletionRequest& request,
                                           const StrategyChoice& choice,
                                           metrics::StreamMetrics& metrics) {
  const StreamPlan& plan = stream.plan;
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t rows, CountStaged(context, stream));
  const StreamResult result{StreamOutcome::kSwapped, rows, choice};
  const absl::Time started = absl::Now();
  postgres::SwapStats stats;
  const postgres::KeyIndexes key_indexes(context.ledger->schema());
  postgres::SwapOptions options = {.locks = context.locks,
                                   .keep_generations = context.keep_generations,
                                   .key_index = {.indexes = &key_indexes, .schema = &plan.schema}};
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(options.dropped_columns,
                                  DroppedColumns(transaction, *context.ledger, plan));
        return absl::OkStatus();
      }));
  const absl::Status swapped = postgres::OverwriteTable(
      *context.database, plan.temp_table, plan.table, options,
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(EndStream(context, transaction, stream, request, result));
        return postgres::ClearStagingMark(transaction, *context.ledger, plan.table);
      },
      &stats);
  metrics.SwapLock(stats.lock_wait, stats.retries);
  SYNCLINE_RETURN_IF_ERROR(swapped);
  metrics.Finalized("swap", absl::Now() - started);
  LogChanges(stream);
  return result;
}

void LogChoice(const StreamPlan& plan, const StrategyChoice& choice) {
  Log(LogLevel::kInfo, "replace_strategy")
      .Field("table", plan.table.ToString())
      .Field("stream", plan.descriptor.name)
      .Field("strategy", ToText(choice.strategy))
      .Field("reason", choice.reason);
}

// Replaces in place after a swap has not got its locks, unless in place is not possible or the
// table's writers are locked out, too: then the answer is `locked`, the error of the swap.
absl::StatusOr<StreamResult> ReplaceLocked(const LoaderContext& context, const StreamEntry& stream,
                                           const CompletionRequest& request,
                                           const absl::Status& locked,
                                           metrics::StreamMetrics& metrics) {
  const ReplaceObstacle obstacle = {.reason = GetReason(locked),
                                    .subject = "a swap",
                                    .problem = "did not get its locks before --swap_deadline",
                                    .forceable = true};
  StrategyChoice choice;
  const absl::Status decided =
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
        SYNCLINE_ASSIGN_OR_RETURN(choice, DecideReplace(transaction, *context.ledger, stream.plan,
                                                        context.keeps_replaced(), obstacle));
        return absl::OkStatus();
      });
  if (!decided.ok() || choice.strategy != ReplaceStrategy::kInPlace) return locked;
  LogChoice(stream.plan, choice);
  LoaderContext brief = context;
  brief.locks.deadline = kLockedDeadlineAttempts * context.locks.timeout;
  const absl::StatusOr<StreamResult> result =
      FinishInPlace(brief, stream, request, choice, metrics);
  return GetReason(result.status()) == reason::kLockNotAvailable ? locked : result;
}

absl::StatusOr<StreamResult> Publish(const LoaderContext& context, const StreamEntry& stream,
                                     const CompletionRequest& request, const StrategyChoice& choice,
                                     metrics::StreamMetrics& metrics) {
  LogChoice(stream.plan, choice);
  if (choice.strategy == ReplaceStrategy::kInPlace) {
    return FinishInPlace(context, stream, request, choice, metrics);
  }
  absl::StatusOr<StreamResult> swapped = SwapAndFinish(context, stream, request, choice, metrics);
  const bool locked = GetReason(swapped.status()) == reason::kSwapLocked;
  const bool may_choose = stream.plan.replace_strategy == ReplaceStrategy::kAuto;
  // A server that is stopping ends the attempts early.
  if (!locked || !may_choose || !context.locks.wait(absl::ZeroDuration())) return swapped;
  return ReplaceLocked(context, stream, request, swapped.status(), metrics);
}

// Returns the name of the finalizing phase for metrics, or an empty string if its time is
// negligible.
absl::string_view GetPhaseName(CompletionAction action, LoaderKind loader) {
  switch (action) {
    case CompletionAction::kCopy:
      return "copy";
    case CompletionAction::kMerge:
      return "merge";
    case CompletionAction::kReplace:
      return loader == LoaderKind::kDedupTruncate ? "dedupe" : "";
    case CompletionAction::kNone:
    case CompletionAction::kUnchanged:
    case CompletionAction::kKeep:
    case CompletionAction::kDiscard:
    case CompletionAction::kRemoveOwnRows:
      break;
  }
  return "";
}

}  // namespace

absl::StatusOr<CompletionFacts> GatherFacts(const LoaderContext& context,
                                            postgres::Transaction& transaction,
                                            const StreamEntry& stream,
                                            const CompletionRequest& request,
                                            const postgres::InitialStatus& status) {
  CompletionFacts facts = {.complete = request.complete,
                           .discard = request.discard_staged,
                           .keep_earlier = request.keep_earlier && !stream.staged_alone,
                           .restart = stream.plan.restart,
                           .target_exists = status.real.exists,
                           .staged_rows = !status.temp.empty};
  for (const WriterPosition& writer : stream.writers) facts.records_sent += writer.durable_offset;
  // Reading the target may take a while, so it is done only if the result matters.
  if (facts.complete && !facts.restart) {
    SYNCLINE_ASSIGN_OR_RETURN(facts.target_holds_generation,
                              HoldsReplacement(context, transaction, stream.plan, status.real));
  }
  return facts;
}

absl::StatusOr<StreamResult> CompleteReplacement(const LoaderContext& context,
                                                 const StreamEntry& stream,
                                                 const CompletionRequest& request,
                                                 metrics::StreamMetrics& metrics) {
  const absl::Time started = absl::Now();
  if (request.complete) {
    SYNCLINE_RETURN_IF_ERROR(RenewTable(context, stream));
    // For rows that are merged into a target of their generation.
    if (stream.plan.loader == LoaderKind::kDedupTruncate) {
      SYNCLINE_RETURN_IF_ERROR(EnsureIdentity(context, stream.plan));
    }
  }
  CompletionAction action = CompletionAction::kKeep;
  StrategyChoice choice;
  StreamResult result;
  SYNCLINE_RETURN_IF_ERROR(CompleteUnderLocks(
      context, stream.plan,
      [&](postgres::Transaction& transaction, bool evolved) -> absl::StatusOr<CompletionStep> {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context, transaction, stream.plan));
        SYNCLINE_ASSIGN_OR_RETURN(const CompletionFacts facts,
                                  GatherFacts(context, transaction, stream, request, status));
        action = DecideCompletion(stream.plan.loader, facts);
        if (!evolved) {
          SYNCLINE_ASSIGN_OR_RETURN(const bool needed,
                                    NeedsEvolvedTarget(context, transaction, stream.plan, action));
          const bool settles = action == CompletionAction::kMerge && status.real.placement.placed();
          if (needed || settles) return CompletionStep::kEvolveFirst;
        }
        SYNCLINE_RETURN_IF_ERROR(
            LockToPublish(context, transaction, stream.plan, action, status.temp.exists));
        if (Publishes(action)) {
          SYNCLINE_RETURN_IF_ERROR(CheckGuard(transaction, stream, action, status.real.exists));
        }
        if (action == CompletionAction::kReplace) {
          SYNCLINE_ASSIGN_OR_RETURN(choice, DecideReplace(transaction, *context.ledger, stream.plan,
                                                          context.keeps_replaced()));
        }
        SYNCLINE_RETURN_IF_ERROR(RunAction(context, transaction, stream, request, action, &result));
        return CompletionStep::kDone;
      },
      [&](postgres::Transaction& transaction) {
        return CheckGuard(transaction, stream, action, /*target_exists=*/true);
      }));
  if (const absl::string_view phase = GetPhaseName(action, stream.plan.loader); !phase.empty()) {
    metrics.Finalized(phase, absl::Now() - started);
  }
  if (action == CompletionAction::kMerge) {
    DropUnneededIndexes(context, stream.plan.table, stream.plan.schema.primary_key);
  }
  if (action != CompletionAction::kReplace) return result;
  return Publish(context, stream, request, choice, metrics);
}

}  // namespace syncline::write
