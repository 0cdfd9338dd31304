#include "server/write/loaders/append.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/staging_decision.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/schema_evolution.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/table_placement.h"
#include "server/write/guard_check.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/meta_defaults.h"
#include "server/write/table_evolution.h"
#include "server/write/table_identity.h"
#include "server/write/table_renewal.h"

namespace syncline::write {
namespace {

void WarnOfVisibleTails(const std::vector<postgres::WriterTail>& tails, StreamEntry* stream) {
  int64_t rows = 0;
  for (const postgres::WriterTail& tail : tails) rows += tail.staged ? 0 : tail.rows;
  WarnOfRows(LogLevel::kWarning, "ROWS_AFTER_CHECKPOINT", rows,
             "that earlier syncs added after their last committed checkpoint are in the table; the "
             "source may send them again",
             stream);
}

}  // namespace

absl::Status AppendLoader::Start(StreamEntry* stream) {
  SYNCLINE_RETURN_IF_ERROR(RenewTable(context_, *stream));
  if (!stream->changes.empty()) {
    SYNCLINE_RETURN_IF_ERROR(
        EvolveBeforehand(context_, plan_, StreamState::kOpen, postgres::CastFailure::kRefuse,
                         [](postgres::Transaction&) { return absl::OkStatus(); }));
  }
  return StartUnderLocks(
      context_, stream,
      [this](postgres::Transaction& transaction, const postgres::InitialStatus& status,
             StreamEntry* started) { return StartTarget(transaction, status, started); });
}

absl::Status AppendLoader::StartTarget(postgres::Transaction& transaction,
                                       const postgres::InitialStatus& status,
                                       StreamEntry* stream) const {
  std::vector<postgres::UndeclaredColumn> undeclared;
  if (!status.temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(undeclared, FindUndeclared(transaction, *context_.ledger, plan_));
  }
  SYNCLINE_RETURN_IF_ERROR(MakeTarget(transaction, *context_.ledger, plan_, status.real.exists,
                                      postgres::CastFailure::kRefuse, undeclared)
                               .status());
  if (!status.real.exists) stream->plan.meta_default = !GetMetaDefault(plan_).empty();
  std::vector<postgres::WriterTail> tails;
  if (plan_.replay != Replay::kNothing) {
    SYNCLINE_ASSIGN_OR_RETURN(tails, postgres::FindWriterTails(transaction, *context_.ledger,
                                                               plan_.table, plan_.stream_no));
  }
  if (status.real.exists) WarnOfVisibleTails(tails, stream);
  SYNCLINE_ASSIGN_OR_RETURN(const StagingFacts staging,
                            GatherStaging(context_, transaction, plan_, status.temp));
  SYNCLINE_ASSIGN_OR_RETURN(const StagingRequest request,
                            GatherStagingRequest(context_, transaction, plan_));
  const StagingDecision decision = DecideStaging(request, staging);
  if (decision.prune) {
    SYNCLINE_RETURN_IF_ERROR(postgres::SettleRows(transaction, plan_.temp_table));
    SYNCLINE_RETURN_IF_ERROR(PruneStaged(transaction, tails, stream));
  }
  // The ledger's rows are locked in its order: the stream, then a generation.
  SYNCLINE_RETURN_IF_ERROR(postgres::NoteStart(transaction, *context_.ledger, *stream));
  return decision.action == StagingAction::kCopyIn ? CopyInStaged(transaction, undeclared)
                                                   : absl::OkStatus();
}

absl::Status AppendLoader::CopyInStaged(
    postgres::Transaction& transaction,
    const std::vector<postgres::UndeclaredColumn>& undeclared) const {
  SYNCLINE_RETURN_IF_ERROR(LockStaging(context_, transaction, plan_));
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::GenerationBounds staged,
                            GetStagedGenerations(transaction, *context_.ledger, plan_));
  SYNCLINE_RETURN_IF_ERROR(MakeStaging(transaction, *context_.ledger, plan_, /*exists=*/true));
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t copied,
      postgres::CopyTable(transaction, plan_.temp_table, plan_.table, plan_.schema, undeclared));
  SYNCLINE_RETURN_IF_ERROR(DropStaging(context_, transaction, plan_));
  return context_.ledger->AddRows(transaction, plan_.table, staged.highest, copied);
}

absl::StatusOr<StreamResult> AppendLoader::Complete(const StreamEntry& stream,
                                                    const CompletionRequest& request,
                                                    metrics::StreamMetrics&) {
  StreamResult result{StreamOutcome::kAppended, stream.records_written};
  bool indexed = false;
  if (stream.plan.meta_default) {
    EndMetaDefault(*context_.database, *context_.ledger, context_.locks, plan_);
  }
  const auto complete = [&](postgres::Transaction& transaction) -> absl::Status {
    if (request.complete) {
      SYNCLINE_RETURN_IF_ERROR(
          CheckGuard(transaction, stream, CompletionAction::kNone, /*target_exists=*/true));
    }
    // Few tables that are appended to have an index of ours.
    SYNCLINE_ASSIGN_OR_RETURN(
        indexed,
        postgres::KeyIndexes(context_.ledger->schema()).ListsAny(transaction, plan_.table));
    SYNCLINE_ASSIGN_OR_RETURN(result.marked_rows,
                              MarkOlderRows(context_, transaction, plan_, request));
    return EndStream(context_, transaction, stream, request, result);
  };
  if (MovesRows(plan_, request)) {
    SYNCLINE_RETURN_IF_ERROR(CompleteMarking(complete));
  } else {
    SYNCLINE_RETURN_IF_ERROR(context_.database->Transact(complete));
  }
  if (indexed) DropUnneededIndexes(context_, plan_.table, std::nullopt);
  return result;
}

absl::Status AppendLoader::CompleteMarking(
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> complete) const {
  SYNCLINE_RETURN_IF_ERROR(EnsureIdentity(context_, plan_));
  return CompleteUnderLocks(
      context_, plan_,
      [&](postgres::Transaction& transaction, bool evolved) -> absl::StatusOr<CompletionStep> {
        SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status,
                                  LockToComplete(context_, transaction, plan_));
        // An older row that becomes visible later would not be marked.
        const bool placed = status.real.placement.placed();
        if (placed && !evolved) return CompletionStep::kEvolveFirst;
        SYNCLINE_RETURN_IF_ERROR(postgres::LockForMerge(transaction, plan_.table));
        SYNCLINE_RETURN_IF_ERROR(complete(transaction));
        return CompletionStep::kDone;
      },
      [](postgres::Transaction&) { return absl::OkStatus(); });
}

}  // namespace syncline::write
