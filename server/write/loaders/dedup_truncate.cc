#include "server/write/loaders/dedup_truncate.h"

#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/upsert.h"
#include "server/write/loaders/append_truncate.h"
#include "server/write/loaders/dedup.h"

namespace syncline::write {

absl::StatusOr<StreamResult> DedupTruncateLoader::Complete(const StreamRecord& stream,
                                                           bool complete,
                                                           metrics::StreamMetrics& metrics) {
  if (!complete) return KeepForResume(context_, stream);
  const absl::Time started = absl::Now();
  bool merged = false;
  StreamResult result{StreamOutcome::kMerged, 0};
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context_, transaction, plan_));
        SYNCLINE_ASSIGN_OR_RETURN(merged,
                                  HoldsReplacement(context_, transaction, plan_, status.real));
        if (!merged) {
          // Deduplicating twice changes nothing: a crash between here and the swap is harmless.
          return postgres::DedupeTable(transaction, plan_.temp_table, plan_.schema,
                                       {.cdc_delete_mode = plan_.cdc_delete_mode})
              .status();
        }
        SYNCLINE_RETURN_IF_ERROR(postgres::EvolveTable(transaction, plan_.table, plan_.schema));
        SYNCLINE_ASSIGN_OR_RETURN(result.rows, MergeAndDrop(context_, transaction, plan_));
        return context_.ledger->FinishStream(transaction, stream, StreamState::kCompleted, result);
      }));
  metrics.Finalized(merged ? "merge" : "dedupe", absl::Now() - started);
  if (!merged) {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t rows, CountStaged(context_, plan_));
    return SwapAndFinish(context_, stream, rows, metrics);
  }
  return result;
}

}  // namespace syncline::write
