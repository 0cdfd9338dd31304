// Chooses how a replace is published: by a swap, in which the staging table takes the target's
// place, or in place, by changing the target's rows. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/schema_change.h"
#include "server/model/table_name.h"

namespace syncline {

// What a stream requests. As a choice, kAuto means that nothing is replaced.
enum class ReplaceStrategy {
  kAuto,  // the swap, unless it would fail or be wrong
  kSwap,
  kInPlace,
};

struct StrategyChoice {
  ReplaceStrategy strategy = ReplaceStrategy::kAuto;
  std::string reason = {};  // in words; empty if nothing is replaced
};

// What prevents one of the two ways.
struct ReplaceObstacle {
  std::string reason;   // of the error: DEPENDENT_OBJECTS, TARGET_INCOMPATIBLE, …
  std::string subject;  // the object, as pg_describe_object names it
  std::string problem;  // follows the subject in a message
  // True if the swap would succeed with a wrong result, so that it may be forced.
  bool forceable = false;

  std::string ToString() const;
};

struct ReplaceObstacles {
  bool target_exists = false;
  std::optional<ReplaceObstacle> swap = {};
  std::optional<ReplaceObstacle> in_place = {};
  // Why our role cannot change the table's definition, as part of a message; empty if it can.
  std::string fixed = {};
};

// Returns what prevents an in-place replace that has to make `changes` of the table first: a change
// that rewrites or copies the table, or any change of a table that is `fixed`.
std::optional<ReplaceObstacle> FindChangeObstacle(const TableName& table,
                                                  const std::vector<SchemaChange>& changes,
                                                  const std::string& fixed);

// Returns the way to replace `table`. A table that does not exist is published by a swap. Errors:
// FAILED_PRECONDITION with the obstacle's reason if the requested way is impossible, or with kAuto
// both ways; the message names every obstacle and what to change.
absl::StatusOr<StrategyChoice> ChooseStrategy(const TableName& table, ReplaceStrategy requested,
                                              const ReplaceObstacles& obstacles);

}  // namespace syncline
