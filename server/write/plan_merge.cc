#include "server/write/plan_merge.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "server/model/column_type.h"
#include "server/model/loader_kind.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

using ColumnsByProperty = std::map<std::string, std::string>;

std::string ColumnOf(const ColumnsByProperty& columns, const std::string& property) {
  const auto found = columns.find(property);
  return found == columns.end() ? "" : found->second;
}

bool IsSameKey(const StreamPlan& known, const StreamPlan& requested,
               const ColumnsByProperty& columns) {
  const std::vector<std::string>& properties = requested.schema.primary_key;
  return std::equal(properties.begin(), properties.end(), known.schema.primary_key.begin(),
                    known.schema.primary_key.end(),
                    [&](const std::string& property, const std::string& column) {
                      return ColumnOf(columns, property) == column;
                    });
}

bool IsSameCursor(const StreamPlan& known, const StreamPlan& requested,
                  const ColumnsByProperty& columns) {
  if (known.schema.cursor.has_value() != requested.schema.cursor.has_value()) return false;
  return !known.schema.cursor.has_value() ||
         ColumnOf(columns, *requested.schema.cursor) == *known.schema.cursor;
}

bool IsSameGeneration(const StreamPlan& known, const GenerationRequest& request) {
  if (!request.generation_id.has_value()) return request.overwrite == IsTruncate(known.loader);
  return *request.generation_id == known.generation_id &&
         request.minimum_generation_id.value_or(0) == known.minimum_generation_id;
}

// Returns the field of StreamConfig in which the two differ, or an empty string.
absl::string_view FindFixedDifference(const StreamPlan& known, const StreamPlan& requested,
                                      const StreamRequest& request,
                                      const ColumnsByProperty& columns) {
  if (known.write_mode != requested.write_mode) return "write_mode";
  if (!IsSameKey(known, requested, columns)) return "primary_key";
  if (!IsSameCursor(known, requested, columns)) return "cursor";
  if (!IsSameGeneration(known, request.generation)) return "generation_id";
  if (known.schema.meta != requested.schema.meta) return "meta";
  const bool moved = request.exact_table.has_value() && *request.exact_table != known.table;
  return moved ? "table_name" : "";
}

// Adds the columns of `requested` to `schema`. Returns whether that changes it.
bool MergeColumns(const TableSchema& requested, TableSchema* schema) {
  bool changed = false;
  for (const ColumnSchema& column : requested.columns) {
    const auto found = std::find_if(
        schema->columns.begin(), schema->columns.end(),
        [&](const ColumnSchema& other) { return other.input_name == column.input_name; });
    if (found == schema->columns.end()) {
      schema->columns.push_back(column);
      changed = true;
      continue;
    }
    const ColumnType known = found->declared_type.value_or(found->type);
    const ColumnType common = CommonType(known, column.type);
    const JsonShape shape =
        found->json_shape == column.json_shape ? found->json_shape : JsonShape::kAny;
    if (common == known && (common != ColumnType::kJsonb || shape == found->json_shape)) continue;
    if (common != known) {
      // What the table's column makes of it is planned again.
      found->type = common;
      found->table_type.clear();
      found->stored_type.clear();
      found->declared_type.reset();
    }
    found->json_shape = shape;
    changed = true;
  }
  return changed;
}

}  // namespace

absl::StatusOr<std::optional<StreamEntry>> MergePlan(const StreamEntry& known,
                                                     const StreamEntry& requested,
                                                     const StreamRequest& request) {
  const StreamPlan& plan = requested.plan;
  ColumnsByProperty columns;
  for (const ColumnSchema& column : known.plan.schema.columns) {
    columns[column.input_name] = column.column_name;
  }
  const absl::string_view difference = FindFixedDifference(known.plan, plan, request, columns);
  if (!difference.empty()) return PlanChanged(known.plan.descriptor, difference);
  StreamEntry merged = known;
  bool changed = MergeColumns(plan.schema, &merged.plan.schema);
  changed = changed || known.plan.older_generations != plan.older_generations ||
            known.plan.deleted_at_column != ColumnOf(columns, plan.deleted_at_column);
  if (!changed) return std::optional<StreamEntry>();
  merged.plan.schema.primary_key = plan.schema.primary_key;
  merged.plan.schema.cursor = plan.schema.cursor;
  merged.plan.guard.key = plan.guard.key;
  merged.plan.older_generations = plan.older_generations;
  merged.plan.deleted_at_column = plan.deleted_at_column;
  return std::optional<StreamEntry>(std::move(merged));
}

}  // namespace syncline::write
