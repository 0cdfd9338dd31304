#include "server/postgres/swap/published_default.h"

#include <string>

#include "base/status_macros.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/meta_default.h"

namespace syncline::postgres {
namespace {

// $1: oid of the source; $2: of the target. Returns the defaults; NULL if there is none.
constexpr char kDefaultsSql[] = R"sql(
SELECT pg_catalog.max(w.expression) FILTER (WHERE w.oid = $1::oid) AS staged,
       pg_catalog.max(w.expression) FILTER (WHERE w.oid = $2::oid) AS stored
FROM (SELECT a.attrelid AS oid, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression
      FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid IN ($1::oid, $2::oid) AND a.attname = '_airbyte_meta'
        AND NOT a.attisdropped) w
)sql";

absl::StatusOr<Result> FindDefaults(Transaction& transaction, const SwapTables& tables) {
  return transaction.Query(kDefaultsSql, Params().Int(tables.source_oid).Int(tables.target_oid));
}

}  // namespace

absl::StatusOr<std::vector<DdlStep>> DropLeftMetaDefault(Transaction& transaction,
                                                         const SwapTables& tables) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, FindDefaults(transaction, tables));
  const RowView row = rows.Row(0);
  std::vector<DdlStep> steps;
  if (!row.IsNull("stored") && IsMetaDefault(row.Text("stored"))) {
    steps.push_back({.subject = tables.target.ToString(),
                     .sql = AlterTableSql(tables.target, {DropDefaultClause(kMetaColumn)})});
  }
  return steps;
}

absl::Status RestoreMetaDefault(Transaction& transaction, const SwapTables& tables) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, FindDefaults(transaction, tables));
  const RowView row = rows.Row(0);
  if (row.IsNull("staged") || !IsMetaDefault(row.Text("staged"))) return absl::OkStatus();
  const bool none = row.IsNull("stored") || IsMetaDefault(row.Text("stored"));
  return transaction.Execute(AlterTableSql(
      tables.source,
      {none ? DropDefaultClause(kMetaColumn) : SetDefaultClause(kMetaColumn, row.Text("stored"))}));
}

}  // namespace syncline::postgres
