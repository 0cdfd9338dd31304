// What a stream can do with a table that a Citus cluster places, or that stores its rows in
// columns. docs/citus.md has the rules as a table. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/schema_change.h"
#include "server/model/stream_plan.h"
#include "server/model/table_name.h"
#include "server/model/table_placement.h"

namespace syncline {

// The access method of Citus that stores rows in columns. It has no UPDATE and no DELETE.
inline constexpr char kColumnarAccessMethod[] = "columnar";

// The target of a stream before it starts.
struct PlacedTarget {
  bool exists = false;
  bool on_citus = false;  // the database has the extension
  TablePlacement placement = {};
  std::string access_method = {};  // empty if it is missing
};

// Returns OK if the stream of `plan`, whose loader is chosen and whose columns are named, can be
// loaded into `target`. Errors: FAILED_PRECONDITION TARGET_DISTRIBUTED with the reason and the way
// out; FAILED_PRECONDITION DISTRIBUTION_DIFFERS if the stream requests a distribution that the
// target does not have; FAILED_PRECONDITION TARGET_INCOMPATIBLE if the stream changes rows and the
// table stores them in columns.
absl::Status CheckPlacement(const StreamPlan& plan, const PlacedTarget& target);

// Returns OK if `changes` can be made to a table with the placement. Errors: FAILED_PRECONDITION
// TARGET_DISTRIBUTED.
absl::Status CheckPlacedChanges(const TableName& table, const TablePlacement& placement,
                                const std::vector<SchemaChange>& changes);

// Returns FAILED_PRECONDITION TARGET_DISTRIBUTED about `table`. `why` and `way_out` are parts of
// the message.
absl::Status TargetDistributed(const TableName& table, const TablePlacement& placement,
                               absl::string_view why, absl::string_view way_out);

// Returns the same for a table whose staging table is placed otherwise.
absl::Status StagedElsewhere(const TableName& staging, const TableName& table,
                             const TablePlacement& placement);

// Describes a placement, as "is distributed by the column id".
std::string Describe(const TablePlacement& placement);

}  // namespace syncline
