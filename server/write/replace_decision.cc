#include "server/write/replace_decision.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/swap/replace_survey.h"
#include "server/write/table_identity.h"

namespace syncline::write {
namespace {

// Plans the changes that an in-place replace makes to the table, without a limit on rewrites, which
// it refuses.
absl::StatusOr<StreamEntry> PlanInPlace(postgres::Transaction& transaction,
                                        const postgres::Ledger& ledger, TableToPlan table,
                                        const StreamEntry& stream) {
  table.replaced = false;
  table.in_place = true;
  table.max_rewrite_bytes = std::numeric_limits<int64_t>::max();
  StreamEntry planned = stream;
  SYNCLINE_RETURN_IF_ERROR(PlanTable(transaction, ledger, table, &planned));
  return planned;
}

absl::Status WarnOfStaleViews(postgres::Transaction& transaction, StreamEntry* stream) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> views,
                            postgres::FindStaleViews(transaction, stream->plan.table));
  for (const std::string& view : views) {
    stream->warnings.push_back(
        {"MATERIALIZED_VIEW_STALE",
         absl::StrCat(view, " reads the table and is not refreshed, because our role may not")});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PlanReplace(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const TableToPlan& table, StreamEntry* stream) {
  StreamPlan& plan = stream->plan;
  ReplaceObstacles obstacles;
  if (table.status.exists) {
    SYNCLINE_ASSIGN_OR_RETURN(
        obstacles, postgres::FindReplaceObstacles(transaction, plan.table, table.keeps_replaced));
  }
  SYNCLINE_ASSIGN_OR_RETURN(plan.choice,
                            ChooseStrategy(plan.table, plan.replace_strategy, obstacles));
  if (plan.choice.strategy != ReplaceStrategy::kInPlace) {
    return PlanTable(transaction, ledger, table, stream);
  }
  SYNCLINE_ASSIGN_OR_RETURN(StreamEntry planned, PlanInPlace(transaction, ledger, table, *stream));
  obstacles.in_place = FindChangeObstacle(plan.table, planned.changes, obstacles.fixed);
  SYNCLINE_RETURN_IF_ERROR(ChooseStrategy(plan.table, plan.replace_strategy, obstacles).status());
  *stream = std::move(planned);
  SYNCLINE_RETURN_IF_ERROR(PlanIdentity(transaction, stream));
  return WarnOfStaleViews(transaction, stream);
}

absl::StatusOr<StrategyChoice> DecideReplace(postgres::Transaction& transaction,
                                             const postgres::Ledger& ledger, const StreamPlan& plan,
                                             bool keeps_rows,
                                             const std::optional<ReplaceObstacle>& lock_obstacle) {
  SYNCLINE_ASSIGN_OR_RETURN(ReplaceObstacles obstacles,
                            postgres::FindReplaceObstacles(transaction, plan.table, keeps_rows));
  if (lock_obstacle.has_value()) obstacles.swap = lock_obstacle;
  SYNCLINE_ASSIGN_OR_RETURN(const StrategyChoice choice,
                            ChooseStrategy(plan.table, plan.replace_strategy, obstacles));
  if (choice.strategy != ReplaceStrategy::kInPlace) return choice;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::UndeclaredColumn> undeclared,
                            FindUndeclared(transaction, ledger, plan));
  SYNCLINE_ASSIGN_OR_RETURN(const EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, undeclared));
  obstacles.in_place = FindChangeObstacle(plan.table, evolution.changes, obstacles.fixed);
  return ChooseStrategy(plan.table, plan.replace_strategy, obstacles);
}

}  // namespace syncline::write
