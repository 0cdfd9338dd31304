#include "server/model/replace_strategy.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline {
namespace {

constexpr char kRequested[] = "requested by replace_strategy";

absl::Status Refuse(const TableName& table, const ReplaceObstacle& obstacle,
                    const std::string& message) {
  ErrorDetail detail;
  detail.reason = obstacle.reason;
  detail.subject = obstacle.subject;
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " cannot be replaced ", message), detail);
}

absl::StatusOr<StrategyChoice> ChooseSwap(const TableName& table,
                                          const std::optional<ReplaceObstacle>& obstacle) {
  if (!obstacle.has_value()) return StrategyChoice{ReplaceStrategy::kSwap, kRequested};
  if (obstacle->forceable) {
    return StrategyChoice{ReplaceStrategy::kSwap,
                          absl::StrCat(kRequested, ", although ", obstacle->ToString())};
  }
  return Refuse(table, *obstacle,
                absl::StrCat("by a swap: ", obstacle->ToString(),
                             "; remove it, or set replace_strategy AUTO or IN_PLACE"));
}

absl::StatusOr<StrategyChoice> ChooseInPlace(const TableName& table,
                                             const std::optional<ReplaceObstacle>& obstacle) {
  if (!obstacle.has_value()) return StrategyChoice{ReplaceStrategy::kInPlace, kRequested};
  return Refuse(table, *obstacle,
                absl::StrCat("in place: ", obstacle->ToString(),
                             "; remove it, or set replace_strategy AUTO or SWAP"));
}

absl::StatusOr<StrategyChoice> ChooseFreely(const TableName& table,
                                            const ReplaceObstacles& obstacles) {
  if (!obstacles.swap.has_value()) {
    return StrategyChoice{ReplaceStrategy::kSwap, "nothing that depends on the table prevents it"};
  }
  const std::string swap = obstacles.swap->ToString();
  if (!obstacles.in_place.has_value()) return StrategyChoice{ReplaceStrategy::kInPlace, swap};
  return Refuse(table, *obstacles.in_place,
                absl::StrCat("by a swap: ", swap, "; nor in place: ",
                             obstacles.in_place->ToString(), "; remove one of them",
                             obstacles.swap->forceable ? ", or set replace_strategy SWAP" : ""));
}

}  // namespace

std::string ReplaceObstacle::ToString() const { return absl::StrCat(subject, " ", problem); }

std::optional<ReplaceObstacle> FindChangeObstacle(const TableName& table,
                                                  const std::vector<SchemaChange>& changes,
                                                  const std::string& fixed) {
  for (const SchemaChange& change : changes) {
    ReplaceObstacle obstacle = {
        .reason = reason::kTargetIncompatible,
        .subject = absl::StrCat("column ", change.column, " of table ", table.ToString()),
        .problem = ""};
    if (change.rewrites) {
      obstacle.problem =
          change.kind == SchemaChange::Kind::kChangeType
              ? absl::StrCat("changes its type from ", change.from, " to ", change.to,
                             ", for which PostgreSQL rewrites the table")
              : "can only be added by copying the table, which has too many dropped columns";
      return obstacle;
    }
    if (fixed.empty()) continue;
    obstacle.problem = absl::StrCat("has to be changed, but the table ", fixed);
    return obstacle;
  }
  return std::nullopt;
}

absl::StatusOr<StrategyChoice> ChooseStrategy(const TableName& table, ReplaceStrategy requested,
                                              const ReplaceObstacles& obstacles) {
  if (!obstacles.target_exists) {
    return StrategyChoice{ReplaceStrategy::kSwap, "the table does not exist"};
  }
  switch (requested) {
    case ReplaceStrategy::kAuto:
      return ChooseFreely(table, obstacles);
    case ReplaceStrategy::kSwap:
      return ChooseSwap(table, obstacles.swap);
    case ReplaceStrategy::kInPlace:
      return ChooseInPlace(table, obstacles.in_place);
  }
  return StrategyChoice{};
}

}  // namespace syncline
