#include "server/write/loaders/loader_steps.h"

#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/table_operations.h"

namespace syncline::write {
namespace {

// Another sync may hold the lock as long as a merge runs, so the wait is bounded, and the lock
// policy repeats it. The state is read under the lock, because a sync takes a table over under the
// same lock.
absl::StatusOr<StreamState> LockTable(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan) {
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
  SYNCLINE_RETURN_IF_ERROR(context.ledger->Lock(transaction, TableLockKey(plan.table)));
  return context.ledger->GetStreamState(transaction, plan.stream_no);
}

absl::StatusOr<postgres::InitialStatus> Gather(postgres::Transaction& transaction,
                                               const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<postgres::InitialStatus> statuses,
      postgres::GatherInitialStatus(transaction, {{plan.table, plan.temp_table}}));
  return statuses.front();
}

}  // namespace

absl::Status StartUnderLocks(const LoaderContext& context, StreamEntry* stream, StartStep start) {
  const StreamPlan& plan = stream->plan;
  const postgres::LockNeed need =
      stream->changes.empty() ? postgres::LockNeed::kRead : postgres::LockNeed::kReaders;
  StreamEntry started;
  SYNCLINE_RETURN_IF_ERROR(postgres::TransactUnderPolicy(
      *context.database, context.locks,
      {.tables = {plan.table, plan.temp_table}, .need = need, .keys = {TableLockKey(plan.table)}},
      [&](postgres::Transaction& transaction) -> absl::Status {
        started = *stream;
        SYNCLINE_ASSIGN_OR_RETURN(const StreamState state, LockTable(context, transaction, plan));
        started.state = state;
        if (state != StreamState::kOpen) return absl::OkStatus();
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status, Gather(transaction, plan));
        return start(transaction, status, &started);
      }));
  *stream = std::move(started);
  return absl::OkStatus();
}

absl::Status CompleteUnderLocks(
    const LoaderContext& context, const StreamPlan& plan,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> complete) {
  return postgres::TransactUnderPolicy(
      *context.database, context.locks,
      {.tables = {}, .need = postgres::LockNeed::kNone, .keys = {TableLockKey(plan.table)}},
      complete);
}

absl::StatusOr<postgres::InitialStatus> LockToComplete(const LoaderContext& context,
                                                       postgres::Transaction& transaction,
                                                       const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const StreamState state, LockTable(context, transaction, plan));
  if (state != StreamState::kFinalizing) return postgres::Superseded();
  SYNCLINE_RETURN_IF_ERROR(postgres::UnlimitLockWaits(transaction));
  return Gather(transaction, plan);
}

absl::StatusOr<int64_t> LoadedGeneration(postgres::Transaction& transaction, const TableName& table,
                                         const postgres::TableStatus& status,
                                         const postgres::TableHistory& history) {
  // Reading a small table is as fast as asking the ledger, and also counts rows written by other
  // programs.
  constexpr int64_t kSmallTableBytes = 8 << 20;
  if (history.loaded_generation.has_value() && status.size_bytes > kSmallTableBytes) {
    return *history.loaded_generation;
  }
  return postgres::GetGenerationId(transaction, table);
}

absl::StatusOr<bool> HoldsReplacement(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const postgres::TableStatus& real) {
  if (real.empty) return false;
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::TableHistory history,
                            context.ledger->GetTableHistory(transaction, plan.table));
  SYNCLINE_ASSIGN_OR_RETURN(int64_t loaded,
                            LoadedGeneration(transaction, plan.table, real, history));
  if (loaded < plan.minimum_generation_id) return false;
  // Only rows are conclusive: a sync that completed in the generation may have left none of its
  // own.
  SYNCLINE_ASSIGN_OR_RETURN(loaded, postgres::GetGenerationId(transaction, plan.table));
  return loaded >= plan.minimum_generation_id;
}

absl::Status DropStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan) {
  SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan.temp_table));
  return postgres::ClearStagingMark(transaction, *context.ledger, plan.table);
}

absl::Status TakeBack(const LoaderContext& context, postgres::Transaction& transaction,
                      const StreamPlan& plan, StreamResult* result) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<RawIdRange> ranges,
                            postgres::FindRawIds(transaction, *context.ledger, plan.stream_no));
  SYNCLINE_RETURN_IF_ERROR(
      postgres::DeleteRawIdRanges(transaction, plan.temp_table, ranges).status());
  SYNCLINE_ASSIGN_OR_RETURN(const bool rows, postgres::HasRows(transaction, plan.temp_table));
  *result = {rows ? StreamOutcome::kKeptForResume : StreamOutcome::kUnchanged, 0};
  return rows ? absl::OkStatus() : DropStaging(context, transaction, plan);
}

absl::StatusOr<int64_t> MarkOlderRows(postgres::Transaction& transaction, const StreamPlan& plan,
                                      const CompletionRequest& request) {
  if (!request.complete || plan.older_generations == OlderGenerations::kKeep) return 0;
  return postgres::MarkDeletedRows(transaction, plan.table, plan.deleted_at_column,
                                   plan.generation_id);
}

absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       const StreamResult& result) {
  return context.ledger->FinishStream(
      transaction, stream, request.complete ? StreamState::kCompleted : StreamState::kIncomplete,
      result);
}

}  // namespace syncline::write
