#include "server/postgres/table/staging_table.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/carried_columns.h"
#include "server/postgres/table/schema_evolution.h"
#include "server/postgres/table/staging_protection.h"
#include "server/postgres/table/table_columns.h"
#include "server/postgres/table/table_operations.h"

namespace syncline::postgres {
namespace {

const ColumnSchema* FindDeclared(const TableSchema& schema, const std::string& name) {
  const auto found =
      std::find_if(schema.columns.begin(), schema.columns.end(),
                   [&](const ColumnSchema& column) { return column.column_name == name; });
  return found == schema.columns.end() ? nullptr : &*found;
}

// Returns the clauses that turn a copy of the target, without rows, into the shape.
std::vector<std::string> ShapeClauses(const StagingShape& shape,
                                      const std::vector<TableColumn>& columns) {
  std::vector<std::string> clauses;
  std::set<std::string> present;
  for (const TableColumn& column : columns) {
    present.insert(column.name);
    const ColumnSchema* const declared = FindDeclared(shape.schema, column.name);
    if (declared == nullptr) {
      const bool stays = shape.replaces && shape.left_out.count(column.name) == 0;
      if (!stays) clauses.push_back(DropColumnClause(column.name));
    } else if (column.type != GetTableType(*declared)) {
      clauses.push_back(DropDefaultClause(column.name));
      clauses.push_back(AlterTypeClause(column.name, GetTableType(*declared), "NULL"));
    }
  }
  for (const ColumnSchema& column : shape.schema.columns) {
    if (present.count(column.column_name) == 0) clauses.push_back(AddColumnClause(column));
  }
  return clauses;
}

// Drops the CHECK constraints of columns that change type: they may not be defined for the new
// type. Publishing finds that out, because the target's column has the new type then, too.
absl::Status DropRetypedChecks(Transaction& transaction, const StagingShape& shape,
                               const std::vector<TableColumn>& columns,
                               std::vector<std::string>* clauses) {
  std::vector<std::string> retyped;
  for (const TableColumn& column : columns) {
    const ColumnSchema* const declared = FindDeclared(shape.schema, column.name);
    if (declared != nullptr && column.type != GetTableType(*declared)) {
      retyped.push_back(column.name);
    }
  }
  if (retyped.empty()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result checks,
      transaction.Query(
          kChecksOfColumnsSql,
          Params().Text(shape.target.schema).Text(shape.target.name).TextArray(retyped)));
  for (size_t row = 0; row < checks.size(); ++row) {
    clauses->push_back(absl::StrCat("DROP CONSTRAINT ", QuoteIdentifier(checks.Text(row, 0))));
  }
  return absl::OkStatus();
}

// A column that the stream no longer declares has values in earlier rows only. The other rows get
// theirs when they are merged (undeclared_columns.h).
absl::Status RelaxUndeclared(Transaction& transaction, const TableName& staging,
                             const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableColumn> columns,
                            ReadTableColumns(transaction, staging, {}));
  std::vector<std::string> clauses;
  for (const TableColumn& column : columns) {
    if (!column.not_null || column.filled || FindDeclared(schema, column.name) != nullptr) continue;
    clauses.push_back(DropNotNullClause(column.name));
  }
  if (clauses.empty()) return absl::OkStatus();
  return transaction.Execute(AlterTableSql(staging, clauses));
}

// Creates `staging` like the target, which exists.
absl::Status CreateLikeTarget(Transaction& transaction, const TableName& staging,
                              const StagingShape& shape) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableColumn> columns,
                            ReadTableColumns(transaction, shape.target, {}));
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result storage,
      transaction.Query(kStorageSql, Params().Text(shape.target.schema).Text(shape.target.name)));
  LikeOptions like = {.constraints = true, .defaults = shape.replaces};
  if (!storage.empty()) {
    like.storage_options = storage.Row(0).Text("options");
    like.tablespace = storage.Row(0).Text("tablespace");
    // Only a table that takes the target's place keeps its rows.
    if (shape.replaces) like.access_method = storage.Row(0).Text("access_method");
  }
  // A row that violates a CHECK is refused when it arrives: published with others, it would hold
  // back all of them.
  SYNCLINE_RETURN_IF_ERROR(CreateTableLike(transaction, staging, shape.target, like));
  std::vector<std::string> clauses = ShapeClauses(shape, columns);
  SYNCLINE_RETURN_IF_ERROR(DropRetypedChecks(transaction, shape, columns, &clauses));
  if (!clauses.empty()) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(AlterTableSql(staging, clauses)));
  }
  if (!shape.replaces) return absl::OkStatus();
  return CarryIdentityPositions(transaction, staging, shape.target);
}

}  // namespace

absl::Status CreateStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool has_target, TableExists(transaction, shape.target));
  SYNCLINE_RETURN_IF_ERROR(has_target ? CreateLikeTarget(transaction, staging, shape)
                                      : CreateTable(transaction, staging, shape.schema));
  SYNCLINE_RETURN_IF_ERROR(ProtectStaging(transaction, {staging}));
  return has_target ? PlaceLike(transaction, staging, shape.target)
                    : PlaceTable(transaction, staging, shape.placement);
}

absl::Status EvolveStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape) {
  SYNCLINE_RETURN_IF_ERROR(
      EvolveTable(transaction, staging, shape.schema, {shape.left_out, CastFailure::kNull}));
  SYNCLINE_RETURN_IF_ERROR(shape.replaces
                               ? CarryColumns(transaction, staging, shape.target, shape.left_out)
                               : RelaxUndeclared(transaction, staging, shape.schema));
  if (!transaction.on_citus()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const bool has_target, TableExists(transaction, shape.target));
  return has_target ? PlaceLike(transaction, staging, shape.target) : absl::OkStatus();
}

}  // namespace syncline::postgres
