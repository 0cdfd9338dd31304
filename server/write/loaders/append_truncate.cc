#include "server/write/loaders/append_truncate.h"

#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/postgres/key_indexes.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/table_operations.h"

namespace syncline::write {

absl::StatusOr<int64_t> CountStaged(const LoaderContext& context, const StreamPlan& plan) {
  int64_t rows = 0;
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(rows, postgres::CountRows(transaction, plan.temp_table));
        return absl::OkStatus();
      }));
  return rows;
}

absl::StatusOr<StreamResult> SwapAndFinish(const LoaderContext& context, const StreamRecord& stream,
                                           int64_t rows, metrics::StreamMetrics& metrics) {
  const StreamPlan& plan = stream.plan;
  const StreamResult result{StreamOutcome::kSwapped, rows};
  const absl::Time started = absl::Now();
  postgres::SwapStats stats;
  const postgres::KeyIndexes key_indexes(context.ledger->schema());
  postgres::SwapOptions options = context.swap;
  options.key_index = {&key_indexes, &plan.schema};
  const absl::Status swapped = postgres::OverwriteTable(
      *context.database, plan.temp_table, plan.table, options,
      [&](postgres::Transaction& transaction) {
        return context.ledger->FinishStream(transaction, stream, StreamState::kCompleted, result);
      },
      &stats);
  metrics.SwapLock(stats.lock_wait, stats.retries);
  SYNCLINE_RETURN_IF_ERROR(swapped);
  metrics.Finalized("swap", absl::Now() - started);
  return result;
}

absl::StatusOr<StreamResult> AppendTruncateLoader::Complete(const StreamRecord& stream,
                                                            bool complete,
                                                            metrics::StreamMetrics& metrics) {
  if (!complete) return KeepForResume(context_, stream);
  const absl::Time started = absl::Now();
  bool copied = false;
  StreamResult result{StreamOutcome::kAppended, 0};
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context_, transaction, plan_));
        SYNCLINE_ASSIGN_OR_RETURN(copied,
                                  HoldsReplacement(context_, transaction, plan_, status.real));
        if (!copied) return absl::OkStatus();
        SYNCLINE_RETURN_IF_ERROR(postgres::EvolveTable(transaction, plan_.table, plan_.schema));
        SYNCLINE_ASSIGN_OR_RETURN(result.rows, postgres::CopyTable(transaction, plan_.temp_table,
                                                                   plan_.table, plan_.schema));
        SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan_.temp_table));
        return context_.ledger->FinishStream(transaction, stream, StreamState::kCompleted, result);
      }));
  if (!copied) {
    int64_t rows = stream.records_written;
    if (!stream.staged_alone) {
      SYNCLINE_ASSIGN_OR_RETURN(rows, CountStaged(context_, plan_));
    }
    return SwapAndFinish(context_, stream, rows, metrics);
  }
  metrics.Finalized("copy", absl::Now() - started);
  return result;
}

}  // namespace syncline::write
