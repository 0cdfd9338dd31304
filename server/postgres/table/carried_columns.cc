#include "server/postgres/table/carried_columns.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1, $2: schema and name of the source; $3, $4: of the target. Returns one row per column that the
// source lacks.
constexpr char kMissingSql[] = R"sql(
SELECT a.attname AS name, pg_catalog.format('%I.%I', $1::text, $2::text) AS quoted_source,
       pg_catalog.quote_ident(a.attname) || ' ' ||
       pg_catalog.format_type(a.atttypid, a.atttypmod) ||
       CASE WHEN a.attcollation <> t.typcollation
            THEN (SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname)
                  FROM pg_catalog.pg_collation co
                  JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
                  WHERE co.oid = a.attcollation) ELSE '' END ||
       CASE WHEN a.attgenerated <> ''
            THEN pg_catalog.format(' GENERATED ALWAYS AS (%s) %s',
                                   pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                                   CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
            WHEN d.oid IS NOT NULL
            THEN ' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
            WHEN a.attidentity <> ''
            THEN (SELECT pg_catalog.format(
                    ' GENERATED %s AS IDENTITY (INCREMENT BY %s MINVALUE %s MAXVALUE %s '
                    'START WITH %s CACHE %s %s)',
                    CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
                    s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
                    CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
                  FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_sequence s ON s.seqrelid = p.objid
                  WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i')
            ELSE '' END ||
       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS definition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = $3 AND c.relname = $4 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_class sc JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
  JOIN pg_catalog.pg_attribute sa ON sa.attrelid = sc.oid AND sa.attnum > 0
    AND NOT sa.attisdropped AND sa.attname = a.attname
  WHERE sn.nspname = $1 AND sc.relname = $2)
ORDER BY a.attnum
)sql";

// $1, $2: schema and name of the source; $3, $4: of the target.
constexpr char kPositionsSql[] = R"sql(
WITH owned AS (
  SELECT n.nspname, c.relname, a.attname, p.objid AS sequence, s.seqincrement,
         pg_catalog.pg_sequence_last_value(p.objid) AS position
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attidentity <> ''
  JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i'
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = p.objid
  WHERE (n.nspname, c.relname) IN (($1::text, $2::text), ($3::text, $4::text)))
SELECT pg_catalog.setval(mine.sequence::pg_catalog.regclass, theirs.position)
FROM owned mine JOIN owned theirs ON theirs.attname = mine.attname
WHERE (mine.nspname, mine.relname) = ($1::text, $2::text)
  AND (theirs.nspname, theirs.relname) = ($3::text, $4::text)
  AND theirs.position IS NOT NULL
  AND CASE WHEN mine.position IS NULL THEN true
           WHEN mine.seqincrement > 0 THEN theirs.position > mine.position
           ELSE theirs.position < mine.position END
)sql";

Params Names(const TableName& source, const TableName& target) {
  return Params().Text(source.schema).Text(source.name).Text(target.schema).Text(target.name);
}

}  // namespace

absl::Status CarryColumns(Transaction& transaction, const TableName& source,
                          const TableName& target, const std::set<std::string>& left_out) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result missing,
                            transaction.Query(kMissingSql, Names(source, target)));
  std::vector<std::string> clauses;
  for (const RowView row : missing) {
    if (left_out.count(row.Text("name")) > 0) continue;
    clauses.push_back(absl::StrCat("ADD COLUMN ", row.Text("definition")));
  }
  if (!clauses.empty()) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(absl::StrCat(
        "ALTER TABLE ", missing.Row(0).Text("quoted_source"), " ", absl::StrJoin(clauses, ", "))));
  }
  return CarryIdentityPositions(transaction, source, target);
}

absl::Status CarryIdentityPositions(Transaction& transaction, const TableName& source,
                                    const TableName& target) {
  return transaction.Query(kPositionsSql, Names(source, target)).status();
}

}  // namespace syncline::postgres
