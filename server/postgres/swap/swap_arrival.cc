#include "server/postgres/swap/swap_arrival.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: the source; $2: the target, or NULL; $3: the target's schema; $4: the target, quoted.
constexpr char kArrivalSql[] = R"sql(
SELECT 0 AS place, pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', $4::text) AS sql
FROM pg_catalog.pg_class s WHERE s.oid = $1::pg_catalog.oid AND s.relreplident = 'f'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class t
                  WHERE t.oid = $2::pg_catalog.oid AND t.relreplident <> 'd')
UNION ALL
SELECT 1, pg_catalog.format('GRANT %s ON TABLE %s TO %s',
  pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), $4::text,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC'
       ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) ||
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_catalog.pg_class s
JOIN pg_catalog.pg_default_acl d ON d.defaclrole = s.relowner AND d.defaclobjtype = 'r'
CROSS JOIN pg_catalog.aclexplode(d.defaclacl) a
WHERE $2::pg_catalog.oid IS NULL AND s.oid = $1::pg_catalog.oid AND a.grantee <> s.relowner
  AND (d.defaclnamespace = 0 OR d.defaclnamespace = (
    SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = $3::text))
GROUP BY a.grantee, a.is_grantable
ORDER BY place, sql
)sql";

bool IsInSchema(const SwapTables& tables) { return tables.source.schema == tables.target.schema; }

// The source's own name may be taken in the target's schema.
std::string ArrivalName(const SwapTables& tables) {
  return absl::StrCat("_syncline_new_", tables.source_oid);
}

DdlStep About(const SwapTables& tables, std::string sql) {
  return {.subject = tables.source.ToString(), .sql = std::move(sql)};
}

}  // namespace

std::vector<DdlStep> ArrivalSteps(const SwapTables& tables) {
  if (IsInSchema(tables)) return {};
  const std::string name = ArrivalName(tables);
  return {About(tables, absl::StrCat("ALTER TABLE ", tables.quoted_source, " RENAME TO ", name)),
          About(tables, absl::StrCat("ALTER TABLE ", tables.quoted_source_schema, ".", name,
                                     " SET SCHEMA ", tables.quoted_target_schema))};
}

DdlStep NamingStep(const SwapTables& tables) {
  const std::string arrived =
      IsInSchema(tables) ? tables.quoted_source
                         : absl::StrCat(tables.quoted_target_schema, ".", ArrivalName(tables));
  return About(tables,
               absl::StrCat("ALTER TABLE ", arrived, " RENAME TO ", tables.quoted_target_name));
}

absl::StatusOr<std::vector<DdlStep>> CaptureArrival(Transaction& transaction,
                                                    const SwapTables& tables) {
  const std::optional<int64_t> target =
      tables.target_oid == 0 ? std::nullopt : std::make_optional(tables.target_oid);
  Params params;
  params.Int(tables.source_oid).OptionalInt(target);
  params.Text(tables.target.schema).Text(tables.quoted_target);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kArrivalSql, params));
  std::vector<DdlStep> steps;
  for (const RowView row : rows) steps.push_back(About(tables, row.Text("sql")));
  return steps;
}

}  // namespace syncline::postgres
