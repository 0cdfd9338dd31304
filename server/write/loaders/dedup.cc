#include "server/write/loaders/dedup.h"

#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "server/model/staging_decision.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/replica_identity.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/upsert.h"
#include "server/write/guard_check.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/table_evolution.h"
#include "server/write/table_identity.h"
#include "server/write/table_renewal.h"

namespace syncline::write {

absl::StatusOr<StreamResult> DedupLoader::Complete(const StreamEntry& stream,
                                                   const CompletionRequest& request,
                                                   metrics::StreamMetrics& metrics) {
  const absl::Time started = absl::Now();
  const CompletionAction action = DecideCompletion(
      plan_.loader, {.complete = request.complete,
                     .discard = request.discard_staged,
                     .keep_earlier = request.keep_earlier && !stream.staged_alone});
  if (Publishes(action)) {
    SYNCLINE_RETURN_IF_ERROR(RenewTable(context_, stream));
    SYNCLINE_RETURN_IF_ERROR(EnsureIdentity(context_, plan_));
  }
  StreamResult result;
  SYNCLINE_RETURN_IF_ERROR(CompleteUnderLocks(
      context_, plan_,
      [&](postgres::Transaction& transaction, bool evolved) -> absl::StatusOr<CompletionStep> {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context_, transaction, plan_));
        if (action == CompletionAction::kDiscard) {
          result = {StreamOutcome::kUnchanged, 0};
          SYNCLINE_RETURN_IF_ERROR(DropStaging(context_, transaction, plan_));
        } else if (action == CompletionAction::kRemoveOwnRows) {
          SYNCLINE_RETURN_IF_ERROR(TakeBack(context_, transaction, plan_, &result));
        } else {
          const bool may_evolve = status.real.exists && !evolved;
          SYNCLINE_ASSIGN_OR_RETURN(const CompletionStep step,
                                    Merge(transaction, stream, status, may_evolve, &result));
          if (step == CompletionStep::kEvolveFirst) return step;
          SYNCLINE_ASSIGN_OR_RETURN(result.marked_rows,
                                    MarkOlderRows(context_, transaction, plan_, request));
        }
        SYNCLINE_RETURN_IF_ERROR(EndStream(context_, transaction, stream, request, result));
        return CompletionStep::kDone;
      },
      [&](postgres::Transaction& transaction) {
        return CheckGuard(transaction, stream, action, /*target_exists=*/true);
      }));
  SYNCLINE_FAILPOINT(kMergeCommitted);
  if (action == CompletionAction::kMerge) {
    metrics.Finalized("merge", absl::Now() - started);
    DropUnneededIndexes(context_, plan_.table, plan_.schema.primary_key);
  }
  return result;
}

absl::StatusOr<CompletionStep> DedupLoader::Merge(postgres::Transaction& transaction,
                                                  const StreamEntry& stream,
                                                  const postgres::InitialStatus& status,
                                                  bool may_evolve, StreamResult* result) const {
  result->outcome = StreamOutcome::kMerged;
  SYNCLINE_RETURN_IF_ERROR(LockStaging(context_, transaction, plan_));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                            FindUndeclared(transaction, *context_.ledger, plan_));
  if (may_evolve) {
    SYNCLINE_ASSIGN_OR_RETURN(const bool needed,
                              NeedsEvolution(transaction, *context_.ledger, plan_, undeclared));
    const bool placed = status.real.placement.placed();
    if (needed || placed) return CompletionStep::kEvolveFirst;
  }
  if (status.real.exists) {
    SYNCLINE_RETURN_IF_ERROR(postgres::LockForMerge(transaction, plan_.table));
  }
  StreamPlan merged = plan_;
  SYNCLINE_ASSIGN_OR_RETURN(merged.schema,
                            MakeTarget(transaction, *context_.ledger, plan_, status.real.exists,
                                       postgres::CastFailure::kNull, undeclared));
  // A merge deletes, even from a new table.
  if (!status.real.exists) {
    SYNCLINE_RETURN_IF_ERROR(postgres::EnsureReplicaIdentity(transaction, plan_.table).status());
  }
  SYNCLINE_RETURN_IF_ERROR(
      CheckGuard(transaction, stream, CompletionAction::kMerge, /*target_exists=*/true));
  SYNCLINE_ASSIGN_OR_RETURN(result->rows, MergeAndDrop(context_, transaction, merged, undeclared));
  SYNCLINE_FAILPOINT(kMerged);
  return CompletionStep::kDone;
}

absl::StatusOr<int64_t> MergeAndDrop(const LoaderContext& context,
                                     postgres::Transaction& transaction, const StreamPlan& plan,
                                     const std::vector<postgres::UndeclaredColumn>& undeclared) {
  postgres::UpsertOptions options = {.cdc_delete_mode = plan.cdc_delete_mode,
                                     .undeclared = undeclared};
  // Also for an incomplete stream, because a later sync of the generation may complete it.
  if (plan.older_generations == OlderGenerations::kMarkDeleted) {
    options.marking_generation = plan.generation_id;
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const postgres::UpsertCounts counts,
      postgres::UpsertTable(transaction, plan.temp_table, plan.table, plan.schema, options));
  SYNCLINE_RETURN_IF_ERROR(
      postgres::KeyIndexes(context.ledger->schema()).Ensure(transaction, plan.table, plan.schema));
  SYNCLINE_RETURN_IF_ERROR(DropStaging(context, transaction, plan));
  if (context.note_dead_rows) {
    context.note_dead_rows(plan.table, counts.removed + counts.raised);
  }
  return counts.written;
}

}  // namespace syncline::write
