#include "server/model/placement_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/distribution.h"
#include "server/model/table_schema.h"

namespace syncline {
namespace {

using Kind = TablePlacement::Kind;

constexpr absl::string_view kOtherTable =
    "append to it, load into another table, or make it an ordinary table of the coordinator "
    "(undistribute_table)";

bool Deduplicates(const StreamPlan& plan) { return plan.write_mode == WriteMode::kDedup; }

absl::Status Refuse(const char* reason, const TableName& table, absl::string_view message) {
  ErrorDetail detail;
  detail.reason = reason;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " ", message), detail);
}

absl::Status CheckAccessMethod(const StreamPlan& plan, const PlacedTarget& target) {
  if (target.access_method != kColumnarAccessMethod) return absl::OkStatus();
  const bool marks = plan.older_generations == OlderGenerations::kMarkDeleted;
  if (!Deduplicates(plan) && !marks) return absl::OkStatus();
  return Refuse(reason::kTargetIncompatible, plan.table,
                absl::StrCat("has the access method columnar, which changes no stored rows, and ",
                             Deduplicates(plan) ? "WRITE_MODE_DEDUP" : "MARK_DELETED",
                             " does: append to it or replace it, or change its access method to "
                             "heap (alter_table_set_access_method)"));
}

// Checks what the stream requests against what the target is.
absl::Status CheckRequest(const StreamPlan& plan, const PlacedTarget& target) {
  if (!plan.distribution.requested()) return absl::OkStatus();
  if (!target.on_citus) {
    return Refuse(reason::kDistributionDiffers, plan.table,
                  "is to be distributed, and the database does not have the extension citus");
  }
  const TablePlacement& placement = target.placement;
  const std::string column = GetDistributionColumn(plan);
  if (placement.kind == Kind::kHash && placement.column == column) return absl::OkStatus();
  if (!target.exists && !placement.placed()) return absl::OkStatus();
  return Refuse(
      reason::kDistributionDiffers, plan.table,
      absl::StrCat(Describe(placement), ", and the stream requests a distribution by ", column));
}

// Checks that every record can have a value in the distribution column, and that all rows of a key
// are on one node.
absl::Status CheckColumn(const StreamPlan& plan, const TablePlacement& placement) {
  const std::string& column = placement.column;
  const std::vector<std::string>& key = plan.schema.primary_key;
  if (Deduplicates(plan) && std::find(key.begin(), key.end(), column) == key.end()) {
    return TargetDistributed(
        plan.table, placement, "that column is not part of the primary key",
        "rows of one key can be on several nodes, where no statement can merge them; add the "
        "column to the key, or distribute the table by a column of the key "
        "(alter_distributed_table)");
  }
  if (plan.older_generations == OlderGenerations::kMarkDeleted &&
      plan.deleted_at_column == column) {
    return TargetDistributed(plan.table, placement, "MARK_DELETED would change that column",
                             "no UPDATE moves a row to another node; mark rows in another column");
  }
  const bool declared = std::any_of(
      plan.schema.columns.begin(), plan.schema.columns.end(),
      [&](const ColumnSchema& declaration) { return declaration.column_name == column; });
  const std::vector<std::string> meta = GetMetaColumns(plan.schema.meta);
  if (declared || std::find(meta.begin(), meta.end(), column) != meta.end()) {
    return absl::OkStatus();
  }
  return TargetDistributed(plan.table, placement, "the stream does not declare that column",
                           "no record would have a value in it; declare it");
}

}  // namespace

std::string Describe(const TablePlacement& placement) {
  switch (placement.kind) {
    case Kind::kOrdinary:
      return "is an ordinary table of the coordinator";
    case Kind::kManagedLocal:
      return "is a local table in the metadata of the Citus cluster";
    case Kind::kReference:
      return "is a reference table of the Citus cluster";
    case Kind::kHash:
      return absl::StrCat("is distributed by the column ", placement.column);
    case Kind::kSingleShard:
      return "has a single shard on one node, as the tables of a distributed schema do";
    case Kind::kOther:
      return "is distributed by ranges or by appended shards";
  }
  return "";
}

absl::Status TargetDistributed(const TableName& table, const TablePlacement& placement,
                               absl::string_view why, absl::string_view way_out) {
  return Refuse(reason::kTargetDistributed, table,
                absl::StrCat(Describe(placement), ", and ", why, ": ", way_out));
}

absl::Status StagedElsewhere(const TableName& staging, const TableName& table,
                             const TablePlacement& placement) {
  return TargetDistributed(table, placement,
                           absl::StrCat("its staging table ", staging.ToString(), " is not"),
                           "the table was placed after its stream started; start the stream again "
                           "with a new sync");
}

absl::Status CheckPlacement(const StreamPlan& plan, const PlacedTarget& target) {
  const absl::Status stored = CheckAccessMethod(plan, target);
  if (!stored.ok()) return stored;
  const absl::Status requested = CheckRequest(plan, target);
  if (!requested.ok()) return requested;
  const TablePlacement& placement = target.placement;
  switch (placement.kind) {
    case Kind::kOrdinary:
      return absl::OkStatus();
    case Kind::kHash:
      return CheckColumn(plan, placement);
    case Kind::kReference:
      if (!Deduplicates(plan)) return absl::OkStatus();
      return TargetDistributed(plan.table, placement, "WRITE_MODE_DEDUP is not supported for it",
                               kOtherTable);
    case Kind::kManagedLocal:
    case Kind::kSingleShard:
    case Kind::kOther:
      if (!StagesRows(plan.loader)) return absl::OkStatus();
      return TargetDistributed(plan.table, placement, "a staging table cannot be placed alike",
                               kOtherTable);
  }
  return absl::OkStatus();
}

absl::Status CheckPlacedChanges(const TableName& table, const TablePlacement& placement,
                                const std::vector<SchemaChange>& changes) {
  if (placement.kind != Kind::kHash) return absl::OkStatus();
  for (const SchemaChange& change : changes) {
    if (change.column != placement.column) continue;
    if (change.kind == SchemaChange::Kind::kChangeType) {
      return TargetDistributed(
          table, placement,
          absl::StrCat("its type would change from ", change.from, " to ", change.to),
          "Citus does not allow that; declare the column with its type, or load into a new table");
    }
    if (change.kind == SchemaChange::Kind::kDropColumn) {
      return TargetDistributed(table, placement, "that column would be dropped",
                               "Citus does not allow that; declare the column, or set "
                               "schema_policy KEEP");
    }
  }
  return absl::OkStatus();
}

}  // namespace syncline
