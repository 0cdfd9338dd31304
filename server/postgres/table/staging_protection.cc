#include "server/postgres/table/staging_protection.h"

#include <string>

#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: schemas, $2: names, arrays of the same length. Returns one statement per row.
constexpr char kProtectSql[] = R"sql(
WITH staging AS (
  SELECT c.oid, c.relowner, c.relacl, c.relreplident, c.relnamespace,
         pg_catalog.format('%I.%I', n.nspname, c.relname) AS q
  FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) w (schema_name, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
    AND c.relkind = 'r'),
object AS (
  SELECT 'TABLE' AS kind, q, relowner, relacl FROM staging
  UNION ALL
  SELECT 'SEQUENCE', pg_catalog.format('%I.%I', n.nspname, s.relname), s.relowner, s.relacl
  FROM staging JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = staging.oid AND d.deptype IN ('a', 'i')
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace)
SELECT DISTINCT pg_catalog.format('REVOKE ALL ON %s %s FROM %s CASCADE', kind, q,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC'
       ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
FROM object, pg_catalog.aclexplode(relacl) a WHERE a.grantee <> relowner
UNION ALL
SELECT pg_catalog.format('DROP TRIGGER %I ON %s', t.tgname, q)
FROM staging JOIN pg_catalog.pg_trigger t ON t.tgrelid = staging.oid AND NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL', q)
FROM staging WHERE relreplident = 'd' AND EXISTS (
  SELECT FROM pg_catalog.pg_publication p
  WHERE (p.pubupdate OR p.pubdelete) AND (p.puballtables OR EXISTS (
    SELECT FROM pg_catalog.pg_publication_namespace s
    WHERE s.pnpubid = p.oid AND s.pnnspid = staging.relnamespace)))
)sql";

}  // namespace

absl::Status ProtectStaging(Transaction& transaction, const std::vector<TableName>& tables) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kProtectSql, Params().TableNames(tables)));
  if (rows.empty()) return absl::OkStatus();
  std::vector<std::string> steps;
  for (size_t row = 0; row < rows.size(); ++row) steps.push_back(rows.Text(row, 0));
  return transaction.Execute(absl::StrJoin(steps, "; "));
}

}  // namespace syncline::postgres
