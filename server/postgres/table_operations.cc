#include "server/postgres/table_operations.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/status_macros.h"
#include "server/postgres/catalog_sql.h"
#include "server/postgres/sql_generator.h"
#include "server/postgres/sqlstate.h"
#include "server/postgres/table_shape.h"

namespace syncline::postgres {
namespace {

// How many names are tried for an index: one is taken when a swap gave a table another's index.
constexpr int kIndexNames = 20;

Params NameParams(const TableName& table) { return Params().Text(table.schema).Text(table.name); }

absl::StatusOr<bool> QueryBool(Transaction& transaction, absl::string_view sql,
                               const Params& params) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(sql, params));
  return result.Bool(0, 0);
}

// IF NOT EXISTS looks before it leaps: when two create the same object at once, the later one gets
// a unique violation of the catalog or "already exists". As a conflict the transaction runs again
// and then sees the object.
absl::Status RaceAsConflict(const absl::Status& status) {
  const std::string sqlstate = SqlStateOf(status);
  const bool race = sqlstate == "42P06" || sqlstate == "42P07" || sqlstate == "42710" ||
                    (sqlstate == "23505" && absl::StrContains(status.message(), "pg_"));
  return race ? StatusFromSqlState("40001", status.message()) : status;
}

bool HasVariableLength(const TableSchema& schema, const std::string& name) {
  return std::any_of(schema.columns.begin(), schema.columns.end(), [&](const ColumnSchema& column) {
    return column.column_name == name &&
           (column.type == ColumnType::kVarchar || column.type == ColumnType::kNumeric ||
            column.type == ColumnType::kJsonb);
  });
}

// Whether a b-tree takes all keys that the table holds.
absl::StatusOr<bool> IsIndexable(Transaction& transaction, const TableName& table,
                                 const TableSchema& schema) {
  std::vector<std::string> variable;
  for (const std::string& column : schema.primary_key) {
    if (HasVariableLength(schema, column)) variable.push_back(column);
  }
  if (variable.empty()) return true;
  SYNCLINE_ASSIGN_OR_RETURN(const bool has_long,
                            QueryBool(transaction, HasLongKeySql(table, variable), {}));
  return !has_long;
}

absl::Status CreateKeyIndex(Transaction& transaction, const TableName& table,
                            const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool indexable, IsIndexable(transaction, table, schema));
  if (!indexable) return absl::OkStatus();
  std::vector<std::string> names;
  for (int attempt = 1; attempt <= kIndexNames; ++attempt) {
    names.push_back(KeyIndexName(table, schema.primary_key, attempt));
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result free,
      transaction.Query(kFreeNameSql, Params().Text(table.schema).TextArray(names)));
  const std::string name = free.empty() ? names.front() : free.Text(0, 0);
  return RaceAsConflict(transaction.Execute(CreateIndexSql(name, table, schema.primary_key)));
}

}  // namespace

absl::Status CreateNamespace(Transaction& transaction, absl::string_view schema) {
  // A role may use a schema without the right to create one.
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, NamespaceExists(transaction, schema));
  if (exists) return absl::OkStatus();
  return RaceAsConflict(transaction.Execute(CreateSchemaSql(schema)));
}

absl::StatusOr<bool> NamespaceExists(Transaction& transaction, absl::string_view schema) {
  return QueryBool(transaction, kNamespaceExistsSql, Params().Text(schema));
}

absl::Status DropNamespace(Transaction& transaction, absl::string_view schema) {
  return transaction.Execute(DropSchemaSql(schema));
}

absl::Status CreateTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema) {
  return RaceAsConflict(transaction.Execute(CreateTableSql(table, schema)));
}

absl::StatusOr<bool> TableExists(Transaction& transaction, const TableName& table) {
  return QueryBool(transaction, kTableExistsSql, NameParams(table));
}

absl::Status DropTable(Transaction& transaction, const TableName& table) {
  return transaction.Execute(DropTableSql(table));
}

absl::Status CreateIndexes(Transaction& transaction, const TableName& table,
                           const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result indexes,
      transaction.Query(kIndexesSql, NameParams(table).TextArray(schema.primary_key)));
  bool present = schema.primary_key.empty();
  for (size_t row = 0; row < indexes.size(); ++row) {
    const std::string& name = indexes.Text(row, 0);
    const bool fits = indexes.Bool(row, 1) && !schema.primary_key.empty();
    if (!fits && absl::StartsWith(name, kKeyIndexPrefix)) {
      SYNCLINE_RETURN_IF_ERROR(transaction.Execute(DropIndexSql({table.schema, name})));
    }
    present = present || fits;
  }
  return present ? absl::OkStatus() : CreateKeyIndex(transaction, table, schema);
}

absl::StatusOr<int64_t> CountRows(Transaction& transaction, const TableName& table) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SET LOCAL max_parallel_workers_per_gather = 0"));
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(CountRowsSql(table)));
  return result.Int(0, 0);
}

absl::StatusOr<bool> HasRows(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, TableExists(transaction, table));
  if (!exists) return false;
  return QueryBool(transaction, HasRowsSql(table), {});
}

absl::StatusOr<int64_t> GetGenerationId(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, TableExists(transaction, table));
  if (!exists) return TableNotFound(table);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result type,
      transaction.Query(kColumnTypeSql, NameParams(table).Text(kGenerationIdColumn)));
  if (type.empty()) return 0;
  if (type.Text(0, 0) != PostgresTypeName(ColumnType::kBigint)) {
    return CheckShape(table, {true, absl::StrCat("has a column ", kGenerationIdColumn, " of type ",
                                                 type.Text(0, 0))});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(GenerationIdSql(table)));
  return result.Int(0, 0);
}

absl::StatusOr<int64_t> CopyTable(Transaction& transaction, const TableName& source,
                                  const TableName& target, const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                            transaction.Query(CopyTableSql(source, target, schema)));
  return result.affected();
}

}  // namespace syncline::postgres
