#include "server/write/loaders/staging_start.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/raw_id.h"
#include "server/postgres/table/bare_table.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/table_placement.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/meta_defaults.h"
#include "server/write/table_evolution.h"

namespace syncline::write {

void WarnOfRows(LogLevel level, const std::string& code, int64_t rows, absl::string_view what,
                StreamEntry* stream) {
  if (rows == 0) return;
  Log(level, absl::AsciiStrToLower(code))
      .Field("table", stream->plan.table.ToString())
      .Field("stream", stream->plan.descriptor.name)
      .Field("rows", rows);
  std::vector<Warning>& warnings = stream->warnings;
  warnings.erase(std::remove_if(warnings.begin(), warnings.end(),
                                [&](const Warning& other) { return other.code == code; }),
                 warnings.end());
  warnings.push_back({code, absl::StrCat(rows, " rows ", what)});
}

absl::StatusOr<StagingFacts> GatherStaging(const LoaderContext& context,
                                           postgres::Transaction& transaction,
                                           const StreamPlan& plan,
                                           const postgres::TableStatus& temp) {
  StagingFacts staging;
  if (!temp.exists) return staging;
  staging.exists = true;
  staging.empty = temp.empty;
  if (!temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(const postgres::GenerationBounds bounds,
                              GetStagedGenerations(transaction, *context.ledger, plan));
    staging.generation = bounds.highest;
    staging.lowest_generation = bounds.lowest;
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::optional<postgres::StagingMark> mark,
                            postgres::GetStagingMark(transaction, *context.ledger, plan.table));
  staging.restart = mark.has_value() && mark->restart && mark->generation_id == plan.generation_id;
  return staging;
}

absl::StatusOr<postgres::GenerationBounds> GetStagedGenerations(postgres::Transaction& transaction,
                                                                const postgres::Ledger& ledger,
                                                                const StreamPlan& plan) {
  if (plan.schema.meta != TableMeta::kNone) {
    return postgres::GetGenerationBounds(transaction, plan.temp_table);
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::optional<postgres::StagingMark> mark,
                            postgres::GetStagingMark(transaction, ledger, plan.table));
  const int64_t generation = mark.has_value() ? mark->generation_id : 0;
  return postgres::GenerationBounds{generation, generation};
}

StagingRequest MakeStagingRequest(const StreamPlan& plan, bool completed) {
  return {.loader = plan.loader,
          .minimum_generation_id = plan.minimum_generation_id,
          .replay = plan.replay,
          .completed_in_generation = completed};
}

absl::StatusOr<StagingRequest> GatherStagingRequest(const LoaderContext& context,
                                                    postgres::Transaction& transaction,
                                                    const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool completed,
                            postgres::HasCompletedGeneration(transaction, *context.ledger,
                                                             plan.table, plan.generation_id));
  return MakeStagingRequest(plan, completed);
}

absl::Status PruneStaged(postgres::Transaction& transaction,
                         const std::vector<postgres::WriterTail>& tails, StreamEntry* stream) {
  std::vector<RawIdRange> ranges;
  for (const postgres::WriterTail& tail : tails) {
    if (!tail.staged) continue;
    const RawIdGenerator ids(tail.sync_id, tail.descriptor, tail.writer_id);
    ranges.push_back(ids.RangeFrom(tail.checkpoint_offset));
  }
  if (ranges.empty()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t deleted,
      postgres::DeleteRawIdRanges(transaction, stream->plan.temp_table, ranges));
  WarnOfRows(LogLevel::kInfo, "STAGED_ROWS_REPLAYED", deleted,
             "that earlier syncs staged after their last committed checkpoint were deleted; the "
             "source sends them again",
             stream);
  return absl::OkStatus();
}

namespace {

// Deletes rows that are sent again and rows of generations below the minimum.
absl::Status DeleteRows(const LoaderContext& context, postgres::Transaction& transaction,
                        const StagingDecision& decision, StreamEntry* stream) {
  const StreamPlan& plan = stream->plan;
  if (decision.prune || decision.drop_older) {
    SYNCLINE_RETURN_IF_ERROR(postgres::SettleRows(transaction, plan.temp_table));
  }
  if (decision.prune) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const std::vector<postgres::WriterTail> tails,
        postgres::FindWriterTails(transaction, *context.ledger, plan.table, plan.stream_no));
    SYNCLINE_RETURN_IF_ERROR(PruneStaged(transaction, tails, stream));
  }
  if (!decision.drop_older) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t rows,
      postgres::DeleteOlderRows(transaction, plan.temp_table, plan.minimum_generation_id));
  Log(LogLevel::kInfo, "staged_rows_outdated")
      .Field("table", plan.table.ToString())
      .Field("minimum_generation", plan.minimum_generation_id)
      .Field("rows", rows);
  return absl::OkStatus();
}

// Carries out `decision` on the staging table, and updates `staging` accordingly.
absl::Status CarryOut(const LoaderContext& context, postgres::Transaction& transaction,
                      const StagingDecision& decision, StreamEntry* stream, StagingFacts* staging) {
  const StreamPlan& plan = stream->plan;
  if (decision.action == StagingAction::kRecreate) {
    if (!staging->empty) {
      Log(LogLevel::kInfo, "staging_made_anew")
          .Field("table", plan.table.ToString())
          .Field("staged_generation", staging->generation)
          .Field("generation", plan.generation_id);
    }
    *staging = {.exists = true};
    SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, plan.temp_table));
    return MakeStaging(transaction, *context.ledger, plan, /*exists=*/false);
  }
  SYNCLINE_RETURN_IF_ERROR(DeleteRows(context, transaction, decision, stream));
  if (decision.prune || decision.drop_older) {
    SYNCLINE_ASSIGN_OR_RETURN(const bool rows, postgres::HasRows(transaction, plan.temp_table));
    staging->empty = !rows;
  }
  SYNCLINE_RETURN_IF_ERROR(postgres::StripTable(transaction, plan.temp_table, plan.table));
  return MakeStaging(transaction, *context.ledger, plan, /*exists=*/true);
}

}  // namespace

absl::Status StartStaged(const LoaderContext& context, const StreamPlan& plan,
                         StreamEntry* stream) {
  return StartUnderLocks(
      context, stream,
      [&](postgres::Transaction& transaction, const postgres::InitialStatus& status,
          StreamEntry* started) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(StagingFacts staging,
                                  GatherStaging(context, transaction, plan, status.temp));
        SYNCLINE_ASSIGN_OR_RETURN(const StagingRequest request,
                                  GatherStagingRequest(context, transaction, plan));
        SYNCLINE_RETURN_IF_ERROR(
            CarryOut(context, transaction, DecideStaging(request, staging), started, &staging));
        started->plan.restart = IsRestart(request, staging);
        started->staged_alone = staging.empty;
        started->plan.meta_default = !GetMetaDefault(plan).empty();
        SYNCLINE_RETURN_IF_ERROR(
            postgres::SetStagingMarks(transaction, *context.ledger, {started}));
        return postgres::NoteStart(transaction, *context.ledger, *started);
      });
}

}  // namespace syncline::write
