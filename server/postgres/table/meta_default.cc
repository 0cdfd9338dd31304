#include "server/postgres/table/meta_default.h"

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table; $3: a jsonb text. Returns one boolean; no row if there is no such column.
// Data connections prepare it, but plan it again for their first blocks and after most DDL; scalar
// subqueries take less time to plan than joins.
constexpr char kHasDefaultSql[] = R"sql(
SELECT coalesce((
    SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) = format('%L::jsonb', $3::jsonb), false)
FROM pg_attribute a
WHERE a.attrelid = (
    SELECT c.oid FROM pg_class c
    WHERE c.relname = $2
      AND c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = $1))
  AND a.attname = '_airbyte_meta' AND NOT a.attisdropped
)sql";

// `statements` is a Transaction or a Connection.
template <typename Statements>
absl::StatusOr<bool> HasDefault(Statements& statements, const TableName& table,
                                absl::string_view plain_meta) {
  Params params;
  params.Text(table.schema).Text(table.name).Text(plain_meta);
  SYNCLINE_ASSIGN_OR_RETURN(const Result found, statements.Query(kHasDefaultSql, params));
  return !found.empty() && found.Bool(0, 0);
}

}  // namespace

absl::StatusOr<bool> HasMetaDefault(Transaction& transaction, const TableName& table,
                                    absl::string_view plain_meta) {
  return HasDefault(transaction, table, plain_meta);
}

absl::StatusOr<bool> HasMetaDefault(Connection& connection, const TableName& table,
                                    absl::string_view plain_meta) {
  return HasDefault(connection, table, plain_meta);
}

absl::Status SetMetaDefault(Transaction& transaction, const TableName& table,
                            absl::string_view plain_meta) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool is_set, HasDefault(transaction, table, plain_meta));
  if (is_set) return absl::OkStatus();
  return transaction.Execute(
      AlterTableSql(table, {SetDefaultClause(kMetaColumn, JsonbLiteral(plain_meta))}));
}

absl::Status DropMetaDefault(Transaction& transaction, const TableName& table,
                             absl::string_view plain_meta) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool seen, HasDefault(transaction, table, plain_meta));
  if (!seen) return absl::OkStatus();
  // The user may have set another default during the wait.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(LockAgainstAllSql(table)));
  SYNCLINE_ASSIGN_OR_RETURN(const bool is_set, HasDefault(transaction, table, plain_meta));
  if (!is_set) return absl::OkStatus();
  return transaction.Execute(AlterTableSql(table, {DropDefaultClause(kMetaColumn)}));
}

bool IsMetaDefault(absl::string_view expression) {
  return absl::StartsWith(expression, "'{\"changes\": [], \"sync_id\": ") &&
         absl::EndsWith(expression, "}'::jsonb");
}

}  // namespace syncline::postgres
