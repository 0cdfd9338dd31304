#include "server/write/loaders/dedup.h"

#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/postgres/key_indexes.h"
#include "server/postgres/table_operations.h"
#include "server/postgres/upsert.h"

namespace syncline::write {

absl::Status DedupLoader::Start() {
  return context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<postgres::InitialStatus> status,
                              LockToStart(context_, transaction, plan_));
    if (!status.has_value()) return absl::OkStatus();
    return CreateOrEvolve(transaction, plan_.temp_table, plan_.schema, status->temp.exists);
  });
}

absl::StatusOr<StreamResult> DedupLoader::Complete(const StreamRecord& stream, bool complete,
                                                   metrics::StreamMetrics& metrics) {
  const absl::Time started = absl::Now();
  StreamResult result{StreamOutcome::kMerged, 0};
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context_, transaction, plan_));
        SYNCLINE_RETURN_IF_ERROR(
            CreateOrEvolve(transaction, plan_.table, plan_.schema, status.real.exists));
        SYNCLINE_ASSIGN_OR_RETURN(result.rows, MergeAndDrop(context_, transaction, plan_));
        return context_.ledger->FinishStream(
            transaction, stream, complete ? StreamState::kCompleted : StreamState::kIncomplete,
            result);
      }));
  metrics.Finalized("merge", absl::Now() - started);
  return result;
}

absl::StatusOr<int64_t> MergeAndDrop(const LoaderContext& context,
                                     postgres::Transaction& transaction, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const postgres::UpsertCounts counts,
      postgres::UpsertTable(transaction, plan.temp_table, plan.table, plan.schema,
                            {.cdc_delete_mode = plan.cdc_delete_mode}));
  SYNCLINE_RETURN_IF_ERROR(
      postgres::KeyIndexes(context.ledger->schema()).Ensure(transaction, plan.table, plan.schema));
  SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan.temp_table));
  return counts.written;
}

}  // namespace syncline::write
