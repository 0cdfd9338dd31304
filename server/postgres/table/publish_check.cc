#include "server/postgres/table/publish_check.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/sql/cast_sql.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/sql/upsert_sql.h"
#include "server/postgres/table/table_columns.h"
#include "server/postgres/table/table_operations.h"

namespace syncline::postgres {
namespace {

// Returns the rows that would be published, as SQL that follows FROM.
std::string PublishedRows(const StreamPlan& plan) {
  return plan.schema.primary_key.empty()
             ? QuoteTable(plan.temp_table)
             : NewestRowsSql(plan.temp_table, plan.schema, plan.cdc_delete_mode);
}

std::string FindColumnName(const StreamPlan& plan, const std::string& property) {
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

// Counts staged rows, those that are not null per property, and repeated keys, in one scan.
absl::Status CountStaged(Transaction& transaction, const StreamPlan& plan,
                         const PublishGuard& guard, PublishFigures* figures) {
  std::vector<std::string> counts = {"count(*)"};
  for (const auto& [property, share] : guard.not_null) {
    counts.push_back(absl::StrCat("count(", QuoteIdentifier(FindColumnName(plan, property)), ")"));
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

// Returns a column of the target as the merge would find it: a stored value that cannot be cast
// becomes NULL.
std::string ColumnBeforeMerge(const std::map<std::string, std::string>& types,
                              const ColumnSchema& column) {
  const std::string name = QuoteIdentifier(column.column_name);
  const std::string wanted = GetTableType(column);
  const auto found = types.find(column.column_name);
  if (found == types.end()) return absl::StrCat("NULL::", wanted, " AS ", name);
  if (found->second == wanted) return name;
  const Cast cast = CastTo(column.column_name, found->second, column.type);
  const std::string value = absl::StrCat("(", cast.expression, ")::", wanted);
  return cast.failing.empty() ? absl::StrCat(value, " AS ", name)
                              : absl::StrCat("CASE WHEN ", cast.failing, " THEN NULL ELSE ", value,
                                             " END AS ", name);
}

// Returns the target's rows with key and cursor as they will be when its definition has followed
// the stream; empty if they are the same now.
absl::StatusOr<std::string> RowsBeforeMerge(Transaction& transaction, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableColumn> stored,
                            ReadTableColumns(transaction, plan.table, {}));
  std::map<std::string, std::string> types;
  for (const TableColumn& column : stored) types[column.name] = column.type;
  std::vector<std::string> columns = {QuoteIdentifier(kExtractedAtColumn)};
  bool differs = false;
  for (const ColumnSchema& column : plan.schema.columns) {
    if (!IsComparedByUpsert(plan.schema, column.column_name)) continue;
    columns.push_back(ColumnBeforeMerge(types, column));
    differs = differs || columns.back() != QuoteIdentifier(column.column_name);
  }
  if (!differs) return std::string();
  return absl::StrCat("(SELECT ", absl::StrJoin(columns, ", "), " FROM ", QuoteTable(plan.table),
                      ")");
}

}  // namespace

absl::StatusOr<RowChanges> CountChanges(Transaction& transaction, const StreamPlan& plan,
                                        CompletionAction how, bool target_exists) {
  RowChanges counts;
  if (!Publishes(how)) return counts;
  if (how == CompletionAction::kMerge && target_exists) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string rows, RowsBeforeMerge(transaction, plan));
    return CountUpsert(transaction, plan.temp_table, plan.table, plan.schema,
                       {.cdc_delete_mode = plan.cdc_delete_mode}, rows);
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
  SYNCLINE_ASSIGN_OR_RETURN(const RowChanges changes,
                            CountChanges(transaction, plan, how, target_exists));
  figures.rows_after = figures.rows_now + changes.inserted - changes.deleted;
  return figures;
}

}  // namespace syncline::postgres
