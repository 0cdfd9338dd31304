#include "server/write/loaders/append.h"

#include "server/base/status_macros.h"
#include "server/postgres/key_indexes.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/table_operations.h"

namespace syncline::write {

absl::Status AppendLoader::Start() {
  return context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<postgres::InitialStatus> status,
                              LockToStart(context_, transaction, plan_));
    if (!status.has_value()) return absl::OkStatus();
    SYNCLINE_RETURN_IF_ERROR(
        CreateOrEvolve(transaction, plan_.table, plan_.schema, status->real.exists));
    if (!status->temp.exists) return absl::OkStatus();
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t staged_generation,
                              postgres::GetGenerationId(transaction, plan_.temp_table));
    SYNCLINE_RETURN_IF_ERROR(postgres::EvolveTable(transaction, plan_.temp_table, plan_.schema));
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t copied,
        postgres::CopyTable(transaction, plan_.temp_table, plan_.table, plan_.schema));
    SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan_.temp_table));
    return context_.ledger->AddRows(transaction, plan_.table, staged_generation, copied);
  });
}

absl::StatusOr<StreamResult> AppendLoader::Complete(const StreamRecord& stream, bool complete,
                                                    metrics::StreamMetrics&) {
  const StreamResult result{StreamOutcome::kAppended, stream.records_written};
  SYNCLINE_RETURN_IF_ERROR(context_.database->Transact([&](postgres::Transaction& transaction)
                                                           -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(
        postgres::KeyIndexes(context_.ledger->schema()).DropDuplicates(transaction, plan_.table));
    return context_.ledger->FinishStream(
        transaction, stream, complete ? StreamState::kCompleted : StreamState::kIncomplete, result);
  }));
  return result;
}

}  // namespace syncline::write
