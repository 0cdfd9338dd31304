#include "server/write/deleted_at_check.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/column_type.h"
#include "server/model/evolution_plan.h"

namespace syncline::write {
namespace {

// Returns whether PostgreSQL stores the current time in a column of this type.
bool StoresTimes(ColumnType type) {
  switch (type) {
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
    case ColumnType::kDate:
    case ColumnType::kTime:
    case ColumnType::kTimetz:
    case ColumnType::kVarchar:
      return true;
    case ColumnType::kBigint:
    case ColumnType::kNumeric:
    case ColumnType::kBoolean:
    case ColumnType::kJsonb:
    case ColumnType::kBytea:
      return false;
  }
  return false;
}

}  // namespace

absl::Status CheckDeletedAtColumn(const StreamPlan& plan) {
  if (plan.older_generations == OlderGenerations::kKeep) return absl::OkStatus();
  for (const ColumnSchema& column : plan.schema.columns) {
    if (column.column_name != plan.deleted_at_column || StoresTimes(column.type)) continue;
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("rows of older generations cannot be marked as deleted: the column ",
                     column.column_name, " of ", plan.table.ToString(), " has the type ",
                     GetTableType(column), ", which does not store times"),
        {.reason = reason::kTargetIncompatible,
         .metadata = {{"column", column.column_name}},
         .subject = plan.table.ToString()});
  }
  return absl::OkStatus();
}

}  // namespace syncline::write
