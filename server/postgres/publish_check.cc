#include "server/postgres/publish_check.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"
#include "server/postgres/sql_generator.h"
#include "server/postgres/table_operations.h"
#include "server/postgres/upsert_sql.h"

namespace syncline::postgres {
namespace {

// What would be published, as SQL writes it after FROM.
std::string PublishedRows(const StreamPlan& plan) {
  return plan.schema.primary_key.empty()
             ? QuoteTable(plan.temp_table)
             : NewestRowsSql(plan.temp_table, plan.schema, plan.cdc_delete_mode);
}

std::string ColumnOf(const StreamPlan& plan, const std::string& property) {
  for (const ColumnSchema& column : plan.schema.columns) {
    if (column.input_name == property) return column.column_name;
  }
  return "";
}

absl::StatusOr<int64_t> CountPublished(Transaction& transaction, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(absl::StrCat("SELECT count(*) FROM ", PublishedRows(plan), " p")));
  return rows.Int(0, 0);
}

// Staged rows, those that are not null by property, and repeated keys: one scan.
absl::Status CountStaged(Transaction& transaction, const StreamPlan& plan,
                         const PublishGuard& guard, PublishFigures* figures) {
  std::vector<std::string> counts = {"count(*)"};
  for (const auto& [property, share] : guard.not_null) {
    counts.push_back(absl::StrCat("count(", QuoteIdentifier(ColumnOf(plan, property)), ")"));
  }
  // A deduplicated stream publishes every key once.
  const bool keyed = guard.unique_key && plan.schema.primary_key.empty() && !guard.key.empty();
  if (keyed) {
    counts.push_back(absl::StrCat("count(*) - count(DISTINCT ROW(", QuoteColumns(guard.key), "))"));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(absl::StrCat("SELECT ", absl::StrJoin(counts, ", "),
                                                           " FROM ", PublishedRows(plan), " p")));
  size_t column = 0;
  figures->staged_rows = rows.Int(0, column++);
  for (const auto& [property, share] : guard.not_null) {
    figures->not_null[property] = rows.Int(0, column++);
  }
  if (keyed) figures->repeated_rows = rows.Int(0, column);
  return absl::OkStatus();
}

// $1: schema, $2: table; $3, $4: another table. The columns that both have in one type.
constexpr char kSharedColumnsSql[] = R"sql(
SELECT a.attname FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class d ON d.relname = $4
JOIN pg_catalog.pg_namespace m ON m.oid = d.relnamespace AND m.nspname = $3
JOIN pg_catalog.pg_attribute b ON b.attrelid = d.oid AND b.attname = a.attname
  AND b.atttypid = a.atttypid AND b.attnum > 0 AND NOT b.attisdropped
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
)sql";

// The stream's schema as far as the target, which may still have to change, can be compared by it:
// without a cursor that it lacks. Nothing when it lacks a column of the key.
absl::StatusOr<std::optional<TableSchema>> ComparableSchema(Transaction& transaction,
                                                            const StreamPlan& plan) {
  Params params;
  params.Text(plan.temp_table.schema).Text(plan.temp_table.name);
  params.Text(plan.table.schema).Text(plan.table.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kSharedColumnsSql, params));
  std::set<std::string> shared;
  for (size_t row = 0; row < rows.size(); ++row) shared.insert(rows.Text(row, 0));
  TableSchema schema = plan.schema;
  for (const std::string& column : schema.primary_key) {
    if (shared.count(column) == 0) return std::optional<TableSchema>();
  }
  if (schema.cursor.has_value() && shared.count(*schema.cursor) == 0) schema.cursor.reset();
  return std::optional<TableSchema>(std::move(schema));
}

}  // namespace

absl::StatusOr<UpsertCounts> CountChanges(Transaction& transaction, const StreamPlan& plan,
                                          CompletionAction how, bool target_exists) {
  UpsertCounts counts;
  if (!Publishes(how)) return counts;
  if (how == CompletionAction::kMerge && target_exists) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<TableSchema> schema,
                              ComparableSchema(transaction, plan));
    if (schema.has_value()) {
      return CountUpsert(transaction, plan.temp_table, plan.table, *schema,
                         {.cdc_delete_mode = plan.cdc_delete_mode});
    }
  }
  SYNCLINE_ASSIGN_OR_RETURN(counts.inserted, CountPublished(transaction, plan));
  if (how == CompletionAction::kReplace && target_exists) {
    SYNCLINE_ASSIGN_OR_RETURN(counts.deleted, CountRows(transaction, plan.table));
  }
  return counts;
}

absl::StatusOr<PublishFigures> CountPublication(Transaction& transaction, const StreamPlan& plan,
                                                const PublishGuard& guard, CompletionAction how,
                                                bool target_exists) {
  PublishFigures figures;
  if (!Publishes(how)) return figures;
  if (!guard.not_null.empty() || guard.unique_key) {
    SYNCLINE_RETURN_IF_ERROR(CountStaged(transaction, plan, guard, &figures));
  }
  if (!guard.min_rows.has_value() && !guard.max_shrink.has_value()) return figures;
  if (target_exists) {
    SYNCLINE_ASSIGN_OR_RETURN(figures.rows_now, CountRows(transaction, plan.table));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const UpsertCounts changes,
                            CountChanges(transaction, plan, how, target_exists));
  figures.rows_after = figures.rows_now + changes.inserted - changes.deleted;
  return figures;
}

}  // namespace syncline::postgres
