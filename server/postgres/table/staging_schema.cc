#include "server/postgres/table/staging_schema.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_operations.h"

namespace syncline::postgres {
namespace {

// $1: the schema.
constexpr char kSchemaSql[] = R"sql(
SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create,
  pg_catalog.quote_ident(current_user) AS quoted_role,
  (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p.pubname), ', ' ORDER BY p.pubname)
   FROM pg_catalog.pg_publication p
   WHERE p.puballtables OR EXISTS (
     SELECT FROM pg_catalog.pg_publication_namespace s
     WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)) AS publications
FROM pg_catalog.pg_namespace n WHERE n.nspname = $1
)sql";

// $1: schemas, $2: names, arrays of the same length.
constexpr char kFindSql[] = R"sql(
SELECT n.nspname AS schema_name, c.relname AS table_name
FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) w (schema_name, table_name)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
WHERE c.relkind = 'r'
)sql";

absl::Status BothStaged(const TableName& old, const TableName& staging) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("both ", old.ToString(), " and ", staging.ToString(),
                   " have staged rows of one table, because an older server staged some of them; "
                   "drop the one whose rows are not needed"),
      {.reason = reason::kTargetIncompatible, .subject = old.ToString()});
}

}  // namespace

absl::StatusOr<StagingSchema> ReadStagingSchema(Transaction& transaction,
                                                absl::string_view schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kSchemaSql, Params().Text(schema)));
  if (rows.empty()) return absl::InternalError(absl::StrCat("no schema ", schema));
  const RowView row = rows.Row(0);
  if (row.Bool("may_create")) return StagingSchema{row.Text("publications")};
  const std::string& role = row.Text("quoted_role");
  const std::string quoted = QuoteIdentifier(schema);
  return MakeError(
      absl::StatusCode::kPermissionDenied,
      absl::StrCat("the role ", role, " may not create staging tables in the schema ", quoted,
                   ", so it can only append; run GRANT CREATE ON SCHEMA ", quoted, " TO ", role),
      {.reason = reason::kDbPermissionDenied, .subject = std::string(schema)});
}

absl::StatusOr<std::set<TableName>> FindOldStaging(Transaction& transaction,
                                                   const std::vector<TableName>& tables) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kFindSql, Params().TableNames(tables)));
  std::set<TableName> found;
  for (const RowView row : rows) found.insert({row.Text("schema_name"), row.Text("table_name")});
  return found;
}

absl::StatusOr<bool> AdoptStaging(Transaction& transaction, const TableName& old,
                                  const TableName& staging) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, TableExists(transaction, staging));
  if (exists) {
    SYNCLINE_ASSIGN_OR_RETURN(const bool old_rows, HasRows(transaction, old));
    if (!old_rows) {
      SYNCLINE_RETURN_IF_ERROR(DropTable(transaction, old));
      return false;
    }
    SYNCLINE_ASSIGN_OR_RETURN(const bool rows, HasRows(transaction, staging));
    if (rows) return BothStaged(old, staging);
    SYNCLINE_RETURN_IF_ERROR(DropTable(transaction, staging));
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(absl::StrCat(
      "ALTER TABLE ", QuoteTable(old), " SET SCHEMA ", QuoteIdentifier(staging.schema))));
  return true;
}

}  // namespace syncline::postgres
