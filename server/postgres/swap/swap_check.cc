#include "server/postgres/swap/swap_check.h"

#include "absl/strings/str_cat.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/ddl_step.h"

namespace syncline::postgres {
namespace {

// $1: oid of the target; $2: names of the meta columns; $3: oid of the source, or 0. Returns one
// row: the table, and the reason why it cannot be replaced, or NULL.
constexpr char kKindSql[] = R"sql(
SELECT pg_describe_object('pg_class'::regclass, c.oid, 0) AS subject,
  CASE
    WHEN c.relkind = 'p' THEN 'is partitioned'
    WHEN c.relkind <> 'r' THEN 'is not a table'
    WHEN c.relispartition THEN 'is a partition'
    WHEN c.relpersistence = 't' THEN 'is a temporary table'
    WHEN c.reloftype <> 0 THEN 'is a table of a composite type'
    WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)
      THEN 'has tables that inherit from it'
    WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) THEN 'inherits from another table'
    WHEN EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                 AND deptype = 'e') THEN 'belongs to an extension'
    WHEN EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = c.oid)
      THEN 'is written by a subscription'
    WHEN EXISTS (SELECT FROM pg_attribute s
                 WHERE s.attrelid = $3::oid AND NOT s.attisdropped AND s.attname = ANY($2::text[])
                   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                                   AND NOT a.attisdropped AND a.attname = s.attname))
      THEN 'does not have the meta columns of a Syncline table'
  END AS problem
FROM pg_class c WHERE c.oid = $1::oid
)sql";

// $1: oid of the target; $2: of the source. Returns a column of the target that fills itself and
// that the source does not fill in the same way.
constexpr char kColumnsSql[] = R"sql(
SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum) AS subject,
       CASE WHEN a.attidentity <> '' THEN 'is an identity column' ELSE 'is a generated column' END
         AS problem
FROM pg_attribute a
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attidentity <> '' OR a.attgenerated <> '')
  AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = $2::oid AND s.attname = a.attname
                  AND s.attnum > 0 AND NOT s.attisdropped AND s.attidentity = a.attidentity
                  AND s.attgenerated = a.attgenerated)
ORDER BY a.attnum LIMIT 1
)sql";

// Everything that depends on the table or on its row type, except what the swap binds to the new
// table.
constexpr char kUnsupportedDependentsSql[] = R"sql(
WITH tab AS (
  SELECT c.oid, c.reltype, t.typarray
  FROM pg_class c JOIN pg_type t ON t.oid = c.reltype WHERE c.oid = $1::oid),
dep AS (
  SELECT d.classid, d.objid, d.objsubid, d.deptype, false AS on_type
  FROM tab JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = tab.oid
  UNION ALL
  SELECT d.classid, d.objid, d.objsubid, d.deptype, true
  FROM tab JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass
    AND d.refobjid IN (tab.reltype, tab.typarray))
SELECT pg_describe_object(dep.classid, dep.objid, dep.objsubid) AS subject, dep.on_type
FROM dep CROSS JOIN tab
WHERE NOT CASE dep.classid
  WHEN 'pg_type'::regclass THEN dep.objid IN (tab.reltype, tab.typarray)
  WHEN 'pg_class'::regclass THEN dep.deptype IN ('a', 'i') AND NOT dep.on_type
  WHEN 'pg_attrdef'::regclass THEN NOT dep.on_type AND EXISTS (
    SELECT FROM pg_attrdef x WHERE x.oid = dep.objid AND x.adrelid = tab.oid)
  WHEN 'pg_constraint'::regclass THEN NOT dep.on_type AND EXISTS (
    SELECT FROM pg_constraint x WHERE x.oid = dep.objid
      AND (x.conrelid = tab.oid OR (x.confrelid = tab.oid AND x.contype = 'f')))
  WHEN 'pg_trigger'::regclass THEN NOT dep.on_type AND EXISTS (
    SELECT FROM pg_trigger x WHERE x.oid = dep.objid AND (x.tgrelid = tab.oid OR x.tgisinternal))
  WHEN 'pg_policy'::regclass THEN NOT dep.on_type AND EXISTS (
    SELECT FROM pg_policy x WHERE x.oid = dep.objid AND x.polrelid = tab.oid)
  WHEN 'pg_rewrite'::regclass THEN NOT dep.on_type AND EXISTS (
    SELECT FROM pg_rewrite x WHERE x.oid = dep.objid
      AND (x.rulename = '_RETURN' OR x.ev_class = tab.oid))
  WHEN 'pg_publication_rel'::regclass THEN NOT dep.on_type
  WHEN 'pg_statistic_ext'::regclass THEN NOT dep.on_type
  ELSE false END
ORDER BY subject LIMIT 1
)sql";

// Everything that needs a column that the source lacks, except what DROP COLUMN would drop with it.
constexpr char kNeedsMissingColumnSql[] = R"sql(
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS subject, a.attname AS column_name
FROM pg_attribute a JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
  AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = $2::oid
                  AND s.attname = a.attname AND s.attnum > 0 AND NOT s.attisdropped)
GROUP BY d.classid, d.objid, d.objsubid, a.attname, a.attnum
HAVING NOT bool_or(d.deptype IN ('a', 'i'))
ORDER BY a.attnum, subject LIMIT 1
)sql";

constexpr char kLeftOutSql[] = R"sql(
WITH missing AS (
  SELECT a.attrelid, a.attnum, a.attname FROM pg_attribute a
  WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = $2::oid
                    AND s.attname = a.attname AND s.attnum > 0 AND NOT s.attisdropped))
SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum) FROM missing
UNION
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM missing m JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
  AND d.refobjid = m.attrelid AND d.refobjsubid = m.attnum AND d.deptype IN ('a', 'i')
WHERE d.classid <> 'pg_attrdef'::regclass
UNION
SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0) || ' (invalid)'
FROM pg_index i WHERE i.indrelid = $1::oid AND NOT (i.indisvalid AND i.indisready)
ORDER BY 1
)sql";

// The fingerprint consists of row versions, which change with every change of the row. $2: the
// expected fingerprint; the statement fails if it differs. NULL only returns the fingerprint.
constexpr char kPrepareFingerprintSql[] = R"sql(
PREPARE syncline_fingerprint (oid, text) AS
WITH RECURSIVE up(oid) AS (
  SELECT $1
  UNION
  SELECT r.ev_class FROM up JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
    AND d.refobjid = up.oid AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid),
seen AS (
  SELECT format('c%s %s', c.oid, c.xmin) AS x FROM up JOIN pg_class c ON c.oid = up.oid
  UNION ALL
  SELECT format('r%s %s', r.oid, r.xmin) FROM up JOIN pg_rewrite r ON r.ev_class = up.oid
  UNION ALL
  SELECT format('a%s %s', a.attnum, a.xmin) FROM pg_attribute a WHERE a.attrelid = $1
  UNION ALL
  SELECT format('d%s %s %s %s %s', d.classid, d.objid, d.objsubid, d.refobjid, d.refobjsubid)
  FROM pg_class c JOIN pg_type t ON t.oid = c.reltype JOIN pg_depend d
    ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
    OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray))
  WHERE c.oid = $1)
SELECT fingerprint, 1 / CASE WHEN fingerprint <> $2 THEN 0 ELSE 1 END
FROM (SELECT md5(string_agg(x, ',' ORDER BY x COLLATE "C")) AS fingerprint FROM seen) AS all_seen
)sql";

}  // namespace

absl::Status CheckReplaceable(Transaction& transaction, int64_t target, int64_t source) {
  Params kind_params;
  kind_params.Int(target).TextArray(GetMetaColumns(TableMeta::kFull)).Int(source);
  SYNCLINE_ASSIGN_OR_RETURN(const Result kind, transaction.Query(kKindSql, kind_params));
  if (!kind.empty() && !kind.Row(0).IsNull("problem")) {
    const RowView row = kind.Row(0);
    return MakeRefusal(reason::kTargetIncompatible, row.Text("subject"), row.Text("problem"));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result unsupported,
                            transaction.Query(kUnsupportedDependentsSql, Params().Int(target)));
  if (!unsupported.empty()) {
    const RowView row = unsupported.Row(0);
    return MakeRefusal(reason::kDependentObjects, row.Text("subject"),
                       row.Bool("on_type")
                           ? "depends on the table's row type and cannot be carried over"
                           : "depends on the table and cannot be carried over");
  }
  return absl::OkStatus();
}

absl::Status CheckCarriable(Transaction& transaction, int64_t target, int64_t source) {
  SYNCLINE_RETURN_IF_ERROR(CheckReplaceable(transaction, target, source));
  SYNCLINE_ASSIGN_OR_RETURN(const Result column,
                            transaction.Query(kColumnsSql, Params().Int(target).Int(source)));
  if (!column.empty()) {
    const RowView row = column.Row(0);
    return MakeRefusal(reason::kTargetIncompatible, row.Text("subject"), row.Text("problem"));
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result lacking,
      transaction.Query(kNeedsMissingColumnSql, Params().Int(target).Int(source)));
  if (!lacking.empty()) {
    const RowView row = lacking.Row(0);
    return MakeRefusal(reason::kDependentObjects, row.Text("subject"),
                       absl::StrCat("needs the column ", row.Text("column_name"),
                                    ", which the new table does not have"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FindLeftOut(Transaction& transaction, int64_t target,
                                                     int64_t source) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kLeftOutSql, Params().Int(target).Int(source)));
  std::vector<std::string> names;
  for (size_t row = 0; row < rows.size(); ++row) names.push_back(rows.Text(row, 0));
  return names;
}

absl::Status PrepareFingerprint(Transaction& transaction) {
  // Otherwise each of the first executions would be planned for its own parameter.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SET LOCAL plan_cache_mode = force_generic_plan"));
  // The prepared statement lives as long as the connection.
  SYNCLINE_ASSIGN_OR_RETURN(const Result prepared,
                            transaction.Query("SELECT FROM pg_prepared_statements "
                                              "WHERE name = 'syncline_fingerprint'"));
  return prepared.empty() ? transaction.Execute(kPrepareFingerprintSql) : absl::OkStatus();
}

absl::StatusOr<std::string> Fingerprint(Transaction& transaction, int64_t target) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(absl::StrCat("EXECUTE syncline_fingerprint (", target, ", NULL)")));
  return rows.Text(0, 0);
}

std::string CheckFingerprintSql(int64_t target, absl::string_view expected) {
  return absl::StrCat("EXECUTE syncline_fingerprint (", target, ", '", expected, "')");
}

}  // namespace syncline::postgres
