#include "server/write/loaders/in_place.h"

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/swap/in_place.h"
#include "server/postgres/swap/in_place_upkeep.h"
#include "server/postgres/swap/kept_generations.h"
#include "server/postgres/table/bare_table.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/table_evolution.h"
#include "server/write/table_identity.h"

namespace syncline::write {
namespace {

absl::Status Run(const LoaderContext& context, const StreamPlan& plan, postgres::LockNeed need,
                 absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> body) {
  const postgres::TableLocks locks = {.tables = {plan.table},
                                      .need = need,
                                      .keys = {TableLockKey(plan.table)},
                                      .staging = {plan.temp_table}};
  const auto step = [&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(LockToComplete(context, transaction, plan).status());
    return body(transaction);
  };
  return need == postgres::LockNeed::kWriters
             ? postgres::TransactUnderPolicy(*context.database, context.locks, locks, step)
             : postgres::TransactAgainstReaders(*context.database, context.locks, locks, step);
}

// A swap that has not got its locks leaves foreign keys on the staging table. To drop them locks
// the readers of other tables out, so it must not wait for the rows to be replaced.
absl::Status StripStaging(const LoaderContext& context, const StreamPlan& plan) {
  return Run(context, plan, postgres::LockNeed::kReferenced,
             [&](postgres::Transaction& transaction) {
               return postgres::StripTable(transaction, plan.temp_table, plan.table);
             });
}

// In a transaction of its own, because its locks block readers. Returns the stream's columns as the
// target has them.
absl::StatusOr<TableSchema> Widen(const LoaderContext& context, const StreamPlan& plan) {
  TableSchema schema;
  SYNCLINE_RETURN_IF_ERROR(
      Run(context, plan, postgres::LockNeed::kReferenced,
          [&](postgres::Transaction& transaction) -> absl::Status {
            SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                                      FindUndeclared(transaction, *context.ledger, plan));
            SYNCLINE_ASSIGN_OR_RETURN(schema,
                                      WidenTarget(transaction, *context.ledger, plan, undeclared));
            return absl::OkStatus();
          }));
  return schema;
}

absl::Status Replace(const LoaderContext& context, postgres::Transaction& transaction,
                     const StreamPlan& plan, const TableSchema& schema, StreamResult* result) {
  SYNCLINE_RETURN_IF_ERROR(LockStaging(context, transaction, plan));
  SYNCLINE_RETURN_IF_ERROR(postgres::LockForMerge(transaction, plan.table));
  if (context.keeps_replaced()) {
    SYNCLINE_RETURN_IF_ERROR(postgres::KeepCopy(transaction, plan.table));
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const postgres::ReplaceCounts counts,
      postgres::ReplaceRows(transaction, plan.temp_table, plan.table, schema));
  result->rows = counts.rows;
  SYNCLINE_RETURN_IF_ERROR(
      postgres::KeyIndexes(context.ledger->schema()).Ensure(transaction, plan.table, schema));
  return DropStaging(context, transaction, plan);
}

void DropGone(const LoaderContext& context, const StreamPlan& plan) {
  const absl::Status dropped = postgres::TransactAgainstReaders(
      *context.database, postgres::ForFollowUp(context.locks),
      {.tables = {plan.table}, .need = postgres::LockNeed::kReferenced},
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
        return DropGoneColumns(transaction, *context.ledger, plan);
      });
  // The next sync of the stream drops them.
  if (!dropped.ok()) {
    Log(LogLevel::kWarning, "columns_not_dropped")
        .Field("table", plan.table.ToString())
        .Error(dropped);
  }
}

void BringUpToDate(const LoaderContext& context, const StreamPlan& plan) {
  if (plan.schema_policy == SchemaPolicy::kMirror) DropGone(context, plan);
  DropUnneededIndexes(context, plan.table, plan.schema.primary_key);
  postgres::VacuumReplaced(*context.database, plan.table);
  postgres::RefreshReaders(*context.database, plan.table, context.locks);
  if (!context.keeps_replaced()) return;
  const absl::Status pruned =
      postgres::PruneKept(*context.database, postgres::ForFollowUp(context.locks), plan.table,
                          context.keep_generations);
  if (!pruned.ok()) {
    Log(LogLevel::kWarning, "swap_prune_failed")
        .Field("table", plan.table.ToString())
        .Error(pruned);
  }
}

}  // namespace

absl::StatusOr<StreamResult> FinishInPlace(const LoaderContext& context, const StreamEntry& stream,
                                           const CompletionRequest& request,
                                           const StrategyChoice& choice,
                                           metrics::StreamMetrics& metrics) {
  const StreamPlan& plan = stream.plan;
  const absl::Time started = absl::Now();
  SYNCLINE_RETURN_IF_ERROR(EnsureIdentity(context, plan));
  SYNCLINE_RETURN_IF_ERROR(StripStaging(context, plan));
  SYNCLINE_ASSIGN_OR_RETURN(const TableSchema schema, Widen(context, plan));
  StreamResult result = {.outcome = StreamOutcome::kReplacedInPlace, .rows = 0, .choice = choice};
  SYNCLINE_RETURN_IF_ERROR(Run(context, plan, postgres::LockNeed::kWriters,
                               [&](postgres::Transaction& transaction) -> absl::Status {
                                 SYNCLINE_RETURN_IF_ERROR(
                                     Replace(context, transaction, plan, schema, &result));
                                 SYNCLINE_FAILPOINT(kReplacedInPlace);
                                 return EndStream(context, transaction, stream, request, result);
                               }));
  SYNCLINE_FAILPOINT(kReplaceCommitted);
  BringUpToDate(context, plan);
  metrics.Finalized("in_place", absl::Now() - started);
  return result;
}

}  // namespace syncline::write
