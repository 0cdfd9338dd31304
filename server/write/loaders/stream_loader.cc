#include "server/write/loaders/stream_loader.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/table_operations.h"
#include "server/write/loaders/append.h"
#include "server/write/loaders/append_truncate.h"
#include "server/write/loaders/dedup.h"
#include "server/write/loaders/dedup_truncate.h"

namespace syncline::write {

std::unique_ptr<StreamLoader> CreateStreamLoader(const LoaderContext& context,
                                                 const StreamPlan& plan) {
  switch (plan.loader) {
    case LoaderKind::kAppend:
      return std::make_unique<AppendLoader>(context, plan);
    case LoaderKind::kDedup:
      return std::make_unique<DedupLoader>(context, plan);
    case LoaderKind::kAppendTruncate:
      return std::make_unique<AppendTruncateLoader>(context, plan);
    case LoaderKind::kDedupTruncate:
      return std::make_unique<DedupTruncateLoader>(context, plan);
  }
  return nullptr;
}

absl::Status CreateOrEvolve(postgres::Transaction& transaction, const TableName& table,
                            const TableSchema& schema, bool exists) {
  return exists ? postgres::EvolveTable(transaction, table, schema)
                : postgres::CreateTable(transaction, table, schema);
}

absl::StatusOr<postgres::InitialStatus> LockAndGather(const LoaderContext& context,
                                                      postgres::Transaction& transaction,
                                                      const StreamPlan& plan) {
  SYNCLINE_RETURN_IF_ERROR(
      context.ledger->Lock(transaction, absl::StrCat("table/", plan.table.ToString())));
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<postgres::InitialStatus> statuses,
      postgres::GatherInitialStatus(transaction, {{plan.table, plan.temp_table}}));
  return statuses.front();
}

absl::Status StartReplacement(const LoaderContext& context, const StreamPlan& plan) {
  return context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                              LockAndGather(context, transaction, plan));
    const bool resume = status.temp.exists && (status.temp.empty || status.temp.generation_id >=
                                                                        plan.minimum_generation_id);
    if (status.temp.exists && !resume) {
      SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan.temp_table));
    }
    return CreateOrEvolve(transaction, plan.temp_table, plan.schema, resume);
  });
}

absl::StatusOr<StreamResult> KeepForResume(const LoaderContext& context,
                                           const StreamRecord& stream) {
  const StreamResult result{StreamOutcome::kKeptForResume, stream.records_written};
  SYNCLINE_RETURN_IF_ERROR(context.database->Transact([&](postgres::Transaction& transaction) {
    return context.ledger->FinishStream(transaction, stream, StreamState::kIncomplete, result);
  }));
  return result;
}

}  // namespace syncline::write
