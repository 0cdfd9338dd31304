#include "server/postgres/swap/swap_identities.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: the target; $2: the loaded table. The identity columns of both, with their sequences.
constexpr char kIdentities[] = R"sql(
WITH identity AS (
  SELECT a.attrelid, a.attname, s.oid, s.relname, s.relowner, s.relacl
  FROM pg_attribute a JOIN pg_depend d ON d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.deptype = 'i'
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  WHERE a.attrelid IN ($1::oid, $2::oid) AND NOT a.attisdropped)
)sql";

// Returns, per identity column, the target's sequence, its name, the name of the loaded table's
// sequence, and a name for the target's sequence if the table is kept.
constexpr char kNamesSql[] = R"sql(
SELECT pg_describe_object('pg_class'::regclass, t.oid, 0) AS subject,
       quote_ident(t.relname) AS target_name, quote_ident(s.relname) AS source_name,
       quote_ident('_syncline_kept_' || t.oid) AS kept_name
FROM identity t JOIN identity s ON s.attname = t.attname
WHERE t.attrelid = $1::oid AND s.attrelid = $2::oid AND s.relname <> t.relname
ORDER BY t.oid
)sql";

// $3: the target's schema, quoted. Returns the statements that revoke from the loaded table's
// sequences what default privileges granted, and give them the grants of the target's, under their
// names after the swap.
constexpr char kGrantsSql[] = R"sql(
, pair AS (
  SELECT t.oid, pg_describe_object('pg_class'::regclass, t.oid, 0) AS subject,
         format('%s.%I', $3::text, t.relname) AS q, t.relowner, t.relacl, s.relacl AS given
  FROM identity t JOIN identity s ON s.attname = t.attname
  WHERE t.attrelid = $1::oid AND s.attrelid = $2::oid),
step AS (
  SELECT DISTINCT 0 AS place, oid, subject, format('REVOKE ALL ON SEQUENCE %s FROM %s', q,
    CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) AS sql
  FROM pair, aclexplode(given) WHERE grantee <> relowner
  UNION ALL
  SELECT 1, oid, subject, format('GRANT %s ON SEQUENCE %s TO %s',
    string_agg(privilege_type, ', ' ORDER BY privilege_type), q,
    CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) ||
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
  FROM pair, aclexplode(relacl) WHERE grantee <> relowner
  GROUP BY oid, subject, q, grantee, is_grantable)
SELECT subject, sql FROM step ORDER BY oid, place, sql
)sql";

absl::Status AppendGrants(Transaction& transaction, const SwapTables& tables,
                          std::vector<DdlStep>* steps) {
  Params params;
  params.Int(tables.target_oid).Int(tables.source_oid).Text(tables.quoted_target_schema);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(absl::StrCat(kIdentities, kGrantsSql), params));
  for (const RowView row : rows) {
    steps->push_back({.subject = row.Text("subject"), .sql = row.Text("sql")});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<IdentitySteps> CaptureIdentities(Transaction& transaction, const SwapTables& tables,
                                                OldTable old_table) {
  Params params;
  params.Int(tables.target_oid).Int(tables.source_oid);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(absl::StrCat(kIdentities, kNamesSql), params));
  IdentitySteps identities;
  for (const RowView row : rows) {
    const auto rename = [&](const std::string& from, const std::string& to) {
      return DdlStep{.subject = row.Text("subject"),
                     .sql = absl::StrCat("ALTER SEQUENCE ", tables.quoted_target_schema, ".", from,
                                         " RENAME TO ", to)};
    };
    if (old_table != OldTable::kDrop)
      identities.free.push_back(rename(row.Text("target_name"), row.Text("kept_name")));
    identities.give.push_back(rename(row.Text("source_name"), row.Text("target_name")));
  }
  SYNCLINE_RETURN_IF_ERROR(AppendGrants(transaction, tables, &identities.give));
  return identities;
}

}  // namespace syncline::postgres
