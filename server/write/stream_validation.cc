#include "server/write/stream_validation.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/publish_blockers.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/table/publish_check.h"
#include "server/write/guard_check.h"
#include "server/write/loaders/replacement.h"
#include "server/write/replace_decision.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

using postgres::LockNeed;

absl::StatusOr<StreamEntry> ReadStream(const LoaderContext& context,
                                       postgres::Transaction& transaction,
                                       absl::string_view sync_id, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(SyncEntry sync, context.ledger->GetSync(transaction, sync_id));
  for (StreamEntry& stream : sync.streams) {
    if (stream.plan.stream_no == plan.stream_no) return std::move(stream);
  }
  return UnknownStream(plan.descriptor);
}

absl::StatusOr<CompletionAction> ChooseAction(const LoaderContext& context,
                                              postgres::Transaction& transaction,
                                              const StreamEntry& stream,
                                              const CompletionRequest& request,
                                              const postgres::InitialStatus& status) {
  CompletionFacts facts = {.complete = request.complete, .discard = request.discard_staged};
  if (IsTruncate(stream.plan.loader)) {
    SYNCLINE_ASSIGN_OR_RETURN(facts, GatherFacts(context, transaction, stream, request, status));
  }
  return DecideCompletion(stream.plan.loader, facts);
}

LockNeed GetLockNeed(CompletionAction how, const StrategyChoice& choice,
                     const StreamEntry& stream) {
  if (!Publishes(how)) return LockNeed::kNone;
  if (how == CompletionAction::kReplace && choice.strategy != ReplaceStrategy::kInPlace) {
    return LockNeed::kReaders;
  }
  if (!stream.changes.empty()) return LockNeed::kReferenced;
  return how == CompletionAction::kCopy ? LockNeed::kLoad : LockNeed::kWriters;
}

absl::Status CheckCount(const StreamEntry& stream, const CompletionRequest& request) {
  if (!request.expected_records.has_value()) return absl::OkStatus();
  int64_t committed = 0;
  for (const WriterPosition& writer : stream.writers) committed += writer.durable_offset;
  return committed == *request.expected_records
             ? absl::OkStatus()
             : CountMismatch(*request.expected_records, committed);
}

absl::Status CheckGaps(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<std::string> gaps,
      context.ledger->FindWritersWithGaps(transaction, stream.plan.stream_no));
  return request.complete && !gaps.empty() ? OffsetsMissing(gaps) : absl::OkStatus();
}

absl::Status Fill(const LoaderContext& context, postgres::Transaction& transaction,
                  const StreamEntry& stream, const CompletionRequest& request,
                  Validation* validation) {
  const StreamPlan& plan = stream.plan;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(
                                transaction, {{plan.table, plan.temp_table, plan.schema.meta}}));
  const postgres::InitialStatus& status = statuses.front();
  SYNCLINE_ASSIGN_OR_RETURN(CompletionAction how,
                            ChooseAction(context, transaction, stream, request, status));
  if (!status.temp.exists) how = CompletionAction::kNone;
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::RowChanges counts,
                            postgres::CountChanges(transaction, plan, how, status.real.exists));
  validation->rows_inserted = counts.inserted;
  validation->rows_updated = counts.updated;
  validation->rows_deleted = counts.deleted;
  if (Publishes(how)) validation->changes = stream.changes;
  SYNCLINE_ASSIGN_OR_RETURN(validation->guard_results,
                            JudgePublication(transaction, stream, how, status.real.exists));
  if (how == CompletionAction::kReplace) {
    SYNCLINE_ASSIGN_OR_RETURN(validation->choice, DecideReplace(transaction, *context.ledger, plan,
                                                                context.keeps_replaced()));
  }
  SYNCLINE_ASSIGN_OR_RETURN(validation->blockers,
                            postgres::FindBlockers(transaction, {plan.table},
                                                   GetLockNeed(how, validation->choice, stream)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Validation> ValidateCompletion(const LoaderContext& context,
                                              absl::string_view sync_id, const StreamPlan& plan,
                                              const CompletionRequest& request) {
  Validation validation;
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        validation = Validation();
        SYNCLINE_RETURN_IF_ERROR(postgres::BeginReadOnly(transaction));
        SYNCLINE_ASSIGN_OR_RETURN(StreamEntry stream,
                                  ReadStream(context, transaction, sync_id, plan));
        if (stream.state == StreamState::kCancelled) return postgres::SyncCancelled();
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> open,
                                  context.ledger->FindOpenWriters(transaction, plan.stream_no));
        validation.final = open.empty();
        if (HasEnded(stream.state)) return absl::OkStatus();
        if (validation.final) {
          SYNCLINE_RETURN_IF_ERROR(CheckCount(stream, request));
          SYNCLINE_RETURN_IF_ERROR(CheckGaps(context, transaction, stream, request));
        }
        UseGuard(request, &stream.plan.guard);
        return Fill(context, transaction, stream, request, &validation);
      }));
  return validation;
}

}  // namespace syncline::write
