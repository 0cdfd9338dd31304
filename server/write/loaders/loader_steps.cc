#include "server/write/loaders/loader_steps.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/placement_rules.h"
#include "server/model/table_placement.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/staging_protection.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/table_placement.h"
#include "server/write/table_evolution.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

// Longest wait for a row of the ledger, which another stream's completion may lock until its COMMIT
// has reached the disk.
constexpr absl::Duration kLedgerLockTimeout = absl::Seconds(30);

// Another sync may hold the lock as long as a merge runs, so the wait is bounded, and the lock
// policy repeats it. The state is read under the lock, because a sync takes a table over under the
// same lock.
absl::StatusOr<StreamState> LockTable(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan) {
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
  SYNCLINE_RETURN_IF_ERROR(context.ledger->Lock(transaction, TableLockKey(plan.table)));
  return context.ledger->GetStreamState(transaction, plan.stream_no);
}

// Also protects the staging table, because a publication may cover it, or privileges may have been
// granted, since it was created.
absl::StatusOr<postgres::InitialStatus> Gather(postgres::Transaction& transaction,
                                               const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(
                                transaction, {{plan.table, plan.temp_table, plan.schema.meta}}));
  const postgres::InitialStatus& status = statuses.front();
  if (status.temp.exists) {
    SYNCLINE_RETURN_IF_ERROR(postgres::ProtectStaging(transaction, {plan.temp_table}));
  }
  return status;
}

}  // namespace

absl::Status StartUnderLocks(const LoaderContext& context, StreamEntry* stream, StartStep start) {
  const StreamPlan& plan = stream->plan;
  StreamEntry started;
  SYNCLINE_RETURN_IF_ERROR(postgres::TransactUnderPolicy(
      *context.database, context.locks,
      {.tables = {plan.table},
       .need = postgres::LockNeed::kRead,
       .keys = {TableLockKey(plan.table)},
       .staging = {plan.temp_table}},
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
    absl::FunctionRef<absl::StatusOr<CompletionStep>(postgres::Transaction& transaction,
                                                     bool evolved)>
        complete,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> check) {
  const bool changes_rows = plan.loader == LoaderKind::kDedup ||
                            plan.loader == LoaderKind::kDedupTruncate ||
                            plan.older_generations == OlderGenerations::kMarkDeleted;
  const postgres::TableLocks locks = {
      .tables = {plan.table},
      .need = changes_rows ? postgres::LockNeed::kWriters : postgres::LockNeed::kLoad,
      .keys = {TableLockKey(plan.table)},
      .staging = {plan.temp_table}};
  CompletionStep step = CompletionStep::kDone;
  const auto attempt = [&](bool evolved) {
    return postgres::TransactUnderPolicy(*context.database, context.locks, locks,
                                         [&](postgres::Transaction& transaction) -> absl::Status {
                                           SYNCLINE_ASSIGN_OR_RETURN(
                                               step, complete(transaction, evolved));
                                           return absl::OkStatus();
                                         });
  };
  SYNCLINE_RETURN_IF_ERROR(attempt(/*evolved=*/false));
  if (step == CompletionStep::kDone) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(EvolveBeforehand(context, plan, StreamState::kFinalizing,
                                            postgres::CastFailure::kNull, check));
  return attempt(/*evolved=*/true);
}

absl::Status EvolveBeforehand(
    const LoaderContext& context, const StreamPlan& plan, StreamState state,
    postgres::CastFailure failure,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> check) {
  return postgres::TransactAgainstReaders(
      *context.database, context.locks,
      {.tables = {plan.table},
       .need = postgres::LockNeed::kReferenced,
       .keys = {TableLockKey(plan.table)}},
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(const StreamState now, LockTable(context, transaction, plan));
        if (now != state) return absl::OkStatus();
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status, Gather(transaction, plan));
        if (!status.real.exists) return absl::OkStatus();
        std::vector<postgres::UndeclaredColumn> undeclared;
        if (status.temp.exists && (StagesRows(plan.loader) || !status.temp.empty)) {
          SYNCLINE_ASSIGN_OR_RETURN(undeclared, FindUndeclared(transaction, *context.ledger, plan));
        }
        SYNCLINE_RETURN_IF_ERROR(EvolveTarget(transaction, *context.ledger, plan, failure,
                                              undeclared, [&] { return check(transaction); }));
        // A merge that does not see a stored row would insert its key again.
        return postgres::SettleRows(transaction, plan.table);
      });
}

void DropUnneededIndexes(const LoaderContext& context, const TableName& table,
                         const std::optional<std::vector<std::string>>& key) {
  const postgres::KeyIndexes indexes(context.ledger->schema());
  const absl::Status dropped = postgres::TransactAgainstReaders(
      *context.database, postgres::ForFollowUp(context.locks),
      {.tables = {table}, .need = postgres::LockNeed::kReaders},
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(const bool listed, indexes.ListsAny(transaction, table));
        return listed ? indexes.DropUnneeded(transaction, table, key) : absl::OkStatus();
      });
  if (!dropped.ok()) {
    Log(LogLevel::kWarning, "index_not_dropped").Field("table", table.ToString()).Error(dropped);
  }
}

absl::StatusOr<postgres::InitialStatus> LockToComplete(const LoaderContext& context,
                                                       postgres::Transaction& transaction,
                                                       const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const StreamState state, LockTable(context, transaction, plan));
  if (state != StreamState::kFinalizing) return postgres::Superseded();
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status, Gather(transaction, plan));
  const bool publishes = StagesRows(plan.loader) && status.temp.exists && status.real.exists;
  if (publishes && !ArePlacedAlike(status.temp.placement, status.real.placement)) {
    return StagedElsewhere(plan.temp_table, plan.table, status.real.placement);
  }
  return status;
}

absl::StatusOr<int64_t> LoadedGeneration(postgres::Transaction& transaction, const StreamPlan& plan,
                                         const postgres::TableStatus& status,
                                         const postgres::TableHistory& history) {
  if (plan.schema.meta == TableMeta::kNone) return history.loaded_generation.value_or(0);
  // Reading a small table is as fast as asking the ledger, and also counts rows written by other
  // programs.
  constexpr int64_t kSmallTableBytes = 8 << 20;
  if (history.loaded_generation.has_value() && status.size_bytes > kSmallTableBytes) {
    return *history.loaded_generation;
  }
  return postgres::GetGenerationId(transaction, plan.table);
}

absl::StatusOr<bool> HoldsReplacement(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const postgres::TableStatus& real) {
  if (real.empty) return false;
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::TableHistory history,
                            context.ledger->GetTableHistory(transaction, plan.table));
  SYNCLINE_ASSIGN_OR_RETURN(int64_t loaded, LoadedGeneration(transaction, plan, real, history));
  if (loaded < plan.minimum_generation_id) return false;
  if (plan.schema.meta == TableMeta::kNone) return true;
  // Only rows are conclusive: a sync that completed in the generation may have left none of its
  // own.
  SYNCLINE_ASSIGN_OR_RETURN(loaded, postgres::GetGenerationId(transaction, plan.table));
  return loaded >= plan.minimum_generation_id;
}

absl::Status LockStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan) {
  return postgres::LockStagingTable(transaction, context.locks, plan.temp_table);
}

absl::Status DropStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan) {
  SYNCLINE_RETURN_IF_ERROR(postgres::DropStagingTable(transaction, context.locks, plan.temp_table));
  return postgres::ClearStagingMark(transaction, *context.ledger, plan.table);
}

absl::Status TakeBack(const LoaderContext& context, postgres::Transaction& transaction,
                      const StreamPlan& plan, StreamResult* result) {
  if (plan.schema.meta != TableMeta::kFull) return RowsNotDistinguished(plan.table);
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<RawIdRange> ranges,
                            postgres::FindRawIds(transaction, *context.ledger, plan.stream_no));
  SYNCLINE_RETURN_IF_ERROR(postgres::SettleRows(transaction, plan.temp_table));
  SYNCLINE_RETURN_IF_ERROR(
      postgres::DeleteRawIdRanges(transaction, plan.temp_table, ranges).status());
  SYNCLINE_ASSIGN_OR_RETURN(const bool rows, postgres::HasRows(transaction, plan.temp_table));
  *result = {rows ? StreamOutcome::kKeptForResume : StreamOutcome::kUnchanged, 0};
  return rows ? absl::OkStatus() : DropStaging(context, transaction, plan);
}

absl::StatusOr<int64_t> MarkOlderRows(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const CompletionRequest& request) {
  if (!request.complete || plan.older_generations == OlderGenerations::kKeep) return 0;
  const std::vector<ColumnSchema>& columns = plan.schema.columns;
  const auto column = std::find_if(columns.begin(), columns.end(), [&](const ColumnSchema& other) {
    return other.column_name == plan.deleted_at_column;
  });
  if (column == columns.end()) return absl::InternalError("no column marks deleted rows");
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t marked,
      postgres::MarkDeletedRows(transaction, plan.table, *column, plan.generation_id));
  if (context.note_dead_rows) context.note_dead_rows(plan.table, marked);
  return marked;
}

absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       const StreamResult& result) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(postgres::SetLockTimeoutSql(kLedgerLockTimeout)));
  return context.ledger->FinishStream(
      transaction, stream, request.complete ? StreamState::kCompleted : StreamState::kIncomplete,
      result);
}

}  // namespace syncline::write
