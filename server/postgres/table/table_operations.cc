#include "server/postgres/table/table_operations.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/postgres/table/table_placement.h"
#include "server/postgres/table/table_shape.h"

namespace syncline::postgres {
namespace {

Params NameParams(const TableName& table) { return Params().Text(table.schema).Text(table.name); }

absl::StatusOr<bool> QueryBool(Transaction& transaction, absl::string_view sql,
                               const Params& params) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(sql, params));
  return result.Bool(0, 0);
}

}  // namespace

absl::Status CreateNamespace(Transaction& transaction, absl::string_view schema) {
  // A role may be allowed to use a schema without the right to create one.
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, NamespaceExists(transaction, schema));
  if (exists) return absl::OkStatus();
  return RetryIfCreated(transaction.Execute(CreateSchemaSql(schema)));
}

absl::StatusOr<bool> NamespaceExists(Transaction& transaction, absl::string_view schema) {
  return QueryBool(transaction, kNamespaceExistsSql, Params().Text(schema));
}

absl::Status DropNamespace(Transaction& transaction, absl::string_view schema) {
  return transaction.Execute(DropSchemaSql(schema));
}

absl::Status CreateTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const std::string& meta_default) {
  return CreateTables(transaction, {{&table, &schema, meta_default}});
}

absl::Status CreateTables(Transaction& transaction, const std::vector<NewTable>& tables) {
  std::string sql;
  for (const NewTable& table : tables) {
    absl::StrAppend(&sql, sql.empty() ? "" : "; ",
                    CreateTableSql(*table.name, *table.schema, table.meta_default));
  }
  return RetryIfCreated(transaction.Execute(sql));
}

absl::Status CreateTableLike(Transaction& transaction, const TableName& table,
                             const TableName& original, const LikeOptions& options) {
  return RetryIfCreated(transaction.Execute(CreateTableLikeSql(table, original, options)));
}

absl::StatusOr<bool> TableExists(Transaction& transaction, const TableName& table) {
  return QueryBool(transaction, kTableExistsSql, NameParams(table));
}

absl::Status DropTable(Transaction& transaction, const TableName& table) {
  return transaction.Execute(DropTableSql(table));
}

absl::Status LockStagingTable(Transaction& transaction, const LockPolicy& policy,
                              const TableName& table) {
  const std::string patiently = SetLockTimeoutSql(std::max(policy.timeout, kLockPatience));
  if (!transaction.on_citus()) {
    return transaction.Execute(absl::StrCat(patiently, "; ", LockAgainstAllSql(table), "; ",
                                            SetLockTimeoutSql(policy.timeout)));
  }
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Execute(absl::StrCat(patiently, "; ", LockAgainstAllSql(table))));
  SYNCLINE_RETURN_IF_ERROR(SettleRows(transaction, table));
  return transaction.Execute(SetLockTimeoutSql(policy.timeout));
}

absl::Status DropStagingTable(Transaction& transaction, const LockPolicy& policy,
                              const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, TableExists(transaction, table));
  if (!exists) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(LockStagingTable(transaction, policy, table));
  // A foreign key with which the table was prepared for a swap locks the table to which it refers.
  return DropTable(transaction, table);
}

absl::Status LockForMerge(Transaction& transaction, const TableName& table) {
  return transaction.Execute(LockForMergeSql(table));
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

absl::StatusOr<bool> HasValues(Transaction& transaction, const TableName& table,
                               absl::string_view column) {
  return QueryBool(transaction, HasValuesSql(table, column), {});
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
                                  const TableName& target, const TableSchema& schema,
                                  const std::vector<UndeclaredColumn>& undeclared) {
  if (schema.meta == TableMeta::kFull) {
    SYNCLINE_RETURN_IF_ERROR(
        FillUndeclared(transaction, source, target, schema, CdcDeleteMode::kSoft, undeclared));
    SYNCLINE_RETURN_IF_ERROR(DropUndeclared(transaction, undeclared));
  }
  std::vector<std::string> columns = AllColumns(WithUndeclared(schema, undeclared));
  Params params;
  params.Text(source.schema).Text(source.name).Text(target.schema).Text(target.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result shared,
                            transaction.Query(kSharedColumnsSql, params.TextArray(columns)));
  for (size_t row = 0; row < shared.size(); ++row) columns.push_back(shared.Text(row, 0));
  SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                            transaction.Query(CopyTableSql(source, target, columns)));
  return result.affected();
}

absl::StatusOr<GenerationBounds> GetGenerationBounds(Transaction& transaction,
                                                     const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(GenerationBoundsSql(table)));
  return GenerationBounds{rows.Row(0).Int("lowest"), rows.Row(0).Int("highest")};
}

absl::StatusOr<int64_t> DeleteOlderRows(Transaction& transaction, const TableName& table,
                                        int64_t minimum) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                            transaction.Query(DeleteOlderRowsSql(table), Params().Int(minimum)));
  return result.affected();
}

absl::StatusOr<int64_t> MarkDeletedRows(Transaction& transaction, const TableName& table,
                                        const ColumnSchema& column, int64_t generation) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result marked, transaction.Query(MarkOlderRowsSql(table, column),
                                                                   Params().Int(generation)));
  return marked.affected();
}

absl::StatusOr<int64_t> DeleteRawIdRanges(Transaction& transaction, const TableName& table,
                                          const std::vector<RawIdRange>& ranges) {
  std::vector<std::string> firsts;
  std::vector<std::string> lasts;
  for (const RawIdRange& range : ranges) {
    firsts.push_back(range.first);
    lasts.push_back(range.last);
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result result,
      transaction.Query(DeleteRawIdRangesSql(table), Params().TextArray(firsts).TextArray(lasts)));
  return result.affected();
}

}  // namespace syncline::postgres
