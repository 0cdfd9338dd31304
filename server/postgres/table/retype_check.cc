#include "server/postgres/table/retype_check.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/cast_sql.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_columns.h"

namespace syncline::postgres {
namespace {

// $1, $2: schema and name of the table; $3, $4: columns and their new types; $5: columns that are
// dropped; $6: whether another table takes the place of this one. Returns at most one row: an
// object that prevents a change, the column, and why.
constexpr char kPreventsSql[] = R"sql(
WITH RECURSIVE tab AS (
  SELECT c.oid, c.reltype, t.typarray
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type t ON t.oid = c.reltype
  WHERE n.nspname = $1 AND c.relname = $2),
col AS (
  SELECT a.attrelid, a.attnum, a.attname, a.attidentity, a.attinhcount, w.retyped,
         w.type::pg_catalog.regtype::pg_catalog.oid AS type,
         pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, a.attrelid,
                                       a.attnum) AS subject
  FROM (SELECT r.name, r.type, true AS retyped FROM unnest($3::text[], $4::text[]) AS r(name, type)
        UNION ALL
        SELECT d.name, NULL, false FROM pg_catalog.unnest($5::text[]) AS d(name)) w
  CROSS JOIN tab JOIN pg_catalog.pg_attribute a ON a.attrelid = tab.oid AND a.attname = w.name
    AND a.attnum > 0 AND NOT a.attisdropped),
part (oid) AS (
  SELECT i.inhrelid FROM tab JOIN pg_catalog.pg_inherits i ON i.inhparent = tab.oid
  UNION SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid),
dep AS (
  SELECT d.classid, d.objid, d.objsubid, d.deptype, col.attnum, col.attname, col.retyped
  FROM col JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = col.attrelid AND d.refobjsubid = col.attnum),
)sql";

constexpr char kForeignKeyTypesSql[] = R"sql(
key AS (
  SELECT k.oid, coalesce(f.attname, p.attname) AS attname,
         coalesce(f.type, fa.atttypid) AS referencing, coalesce(p.type, pa.atttypid) AS referenced
  FROM tab JOIN pg_catalog.pg_constraint k
    ON k.contype = 'f' AND (k.conrelid = tab.oid OR k.confrelid = tab.oid)
  CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair(f, p)
  JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = pair.f
  JOIN pg_catalog.pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = pair.p
  LEFT JOIN col f ON f.attrelid = k.conrelid AND f.attnum = pair.f AND f.retyped
  LEFT JOIN col p ON p.attrelid = k.confrelid AND p.attnum = pair.p AND p.retyped
  WHERE f.attnum IS NOT NULL OR p.attnum IS NOT NULL),
incomparable AS (
  SELECT key.oid, key.attname FROM key
  WHERE key.referencing <> key.referenced
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t
      WHERE t.oid IN (key.referencing, key.referenced) AND t.typtype = 'd')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_amop o JOIN pg_catalog.pg_am m ON m.oid = o.amopmethod
      WHERE m.amname = 'btree' AND o.amopstrategy = 3 AND o.amoplefttype = key.referenced
        AND o.amoprighttype = key.referencing)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast s WHERE s.castsource = key.referencing
      AND s.casttarget = key.referenced AND s.castcontext = 'i')),
)sql";

// The row type of the table, and so of any table that takes its place, changes with the column, but
// only an ALTER TABLE is refused for that. Classes of objects that are restored, or that PostgreSQL
// builds again, are no obstacles.
constexpr char kFoundSql[] = R"sql(
found AS (
  SELECT 1 AS place, subject, attname, 'is an identity column, which must be an integer' AS why
  FROM col WHERE retyped AND attidentity <> '' AND type NOT IN (
    'int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype)
  UNION ALL
  SELECT 2, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, x.adrelid,
                                          x.adnum), dep.attname, 'is generated from the column'
  FROM dep JOIN pg_catalog.pg_attrdef x
    ON dep.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND x.oid = dep.objid
  WHERE dep.retyped AND x.adnum <> dep.attnum
  UNION ALL
  SELECT 3, subject, attname, 'is inherited from another table'
  FROM col WHERE retyped AND NOT $6 AND attinhcount > 0
  UNION ALL
  SELECT 4, subject, attname, 'is part of the partition key'
  FROM col WHERE retyped AND NOT $6 AND EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.objid = col.attrelid AND d.objsubid = col.attnum AND d.refobjid = col.attrelid
      AND d.refobjsubid = 0 AND d.deptype = 'i')
  UNION ALL
  SELECT 5, pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, oid, 0),
         attname, 'cannot compare the column''s new type with the type of the other table'
  FROM incomparable
  UNION ALL
  SELECT 6, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
         (SELECT min(attname::text) FROM col WHERE retyped), 'has the type of the table''s rows'
  FROM tab JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
    AND d.refobjid IN (tab.reltype, tab.typarray)
    AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0
  WHERE NOT $6 AND EXISTS (SELECT FROM col WHERE retyped)
  UNION ALL
  SELECT 7, pg_catalog.pg_describe_object(dep.classid, dep.objid, dep.objsubid), dep.attname,
         'is invalid and cannot be built again'
  FROM dep JOIN pg_catalog.pg_index i
    ON dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.indexrelid = dep.objid
  WHERE dep.retyped AND NOT $6 AND NOT i.indisvalid
  UNION ALL
  SELECT 8, pg_catalog.pg_describe_object(dep.classid, dep.objid, dep.objsubid), dep.attname,
         'uses the column'
  FROM dep WHERE dep.retyped AND NOT $6 AND dep.deptype = 'n' AND dep.classid NOT IN (
    'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_rewrite'::pg_catalog.regclass,
    'pg_catalog.pg_policy'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass,
    'pg_catalog.pg_publication_rel'::pg_catalog.regclass,
    'pg_catalog.pg_constraint'::pg_catalog.regclass,
    'pg_catalog.pg_attrdef'::pg_catalog.regclass,
    'pg_catalog.pg_statistic_ext'::pg_catalog.regclass)
  UNION ALL
  SELECT 9, CASE WHEN r.rulename = '_RETURN'
              THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass,
                                                 r.ev_class, 0)
              ELSE pg_catalog.pg_describe_object(dep.classid, dep.objid, 0) END,
         dep.attname, 'needs the column'
  FROM dep LEFT JOIN pg_catalog.pg_rewrite r
    ON dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = dep.objid
  WHERE NOT dep.retyped
  GROUP BY dep.classid, dep.objid, dep.attname, r.rulename, r.ev_class
  HAVING NOT pg_catalog.bool_or(dep.deptype IN ('a', 'i'))
  UNION ALL
  SELECT 10, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class,
                                           0), col.attname, 'reads the column of a partition'
  FROM part JOIN pg_catalog.pg_attribute a ON a.attrelid = part.oid
  JOIN col ON col.retyped AND col.attname = a.attname
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = part.oid AND d.refobjsubid = a.attnum
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
  WHERE NOT $6)
SELECT subject, attname AS column_name, why FROM found ORDER BY place, subject LIMIT 1
)sql";

// $1, $2: schema and name of the table; $3: columns. Returns at most one row: an object that must
// be removed and created again, but that our role may not change.
constexpr char kOfOthersSql[] = R"sql(
WITH RECURSIVE col AS (
  SELECT a.attrelid, a.attnum
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY ($3::text[])
    AND a.attnum > 0
  WHERE n.nspname = $1 AND c.relname = $2),
dep AS (
  SELECT DISTINCT d.classid, d.objid, d.refobjid FROM col JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = col.attrelid
    AND d.refobjsubid = col.attnum),
reader (oid) AS (
  SELECT r.ev_class FROM dep JOIN pg_catalog.pg_rewrite r
    ON dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = dep.objid
    AND r.rulename = '_RETURN'
  UNION
  SELECT r.ev_class FROM reader JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = reader.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'),
object (classid, objid, owner) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid, c.relowner
  FROM reader JOIN pg_catalog.pg_class c ON c.oid = reader.oid
  UNION ALL
  SELECT dep.classid, dep.objid, c.relowner FROM dep JOIN pg_catalog.pg_policy p
    ON dep.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = dep.objid
  JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
  UNION ALL
  SELECT dep.classid, dep.objid, c.relowner FROM dep JOIN pg_catalog.pg_rewrite r
    ON dep.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = dep.objid
    AND r.rulename <> '_RETURN'
  JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
  UNION ALL
  SELECT dep.classid, dep.objid, p.pubowner FROM dep JOIN pg_catalog.pg_publication_rel r
    ON dep.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND r.oid = dep.objid
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid)
SELECT pg_catalog.pg_describe_object(classid, objid, 0) AS subject,
       pg_catalog.pg_get_userbyid(owner) AS owner
FROM object WHERE NOT pg_catalog.pg_has_role(owner, 'USAGE') ORDER BY 1 LIMIT 1
)sql";

// $1, $2: schema and name of the table; $3: columns. Returns the conditions of its policies,
// publications and triggers that name one of the columns. Those of triggers are over `old` and
// `new`.
constexpr char kConditionsSql[] = R"sql(
WITH tab AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2),
named AS (
  SELECT DISTINCT d.classid, d.objid
  FROM tab JOIN pg_catalog.pg_attribute a ON a.attrelid = tab.oid AND a.attname = ANY ($3::text[])
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)
SELECT pg_catalog.pg_describe_object(named.classid, named.objid, 0) AS subject, e.condition,
       named.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AS of_trigger
FROM named CROSS JOIN tab CROSS JOIN LATERAL (
  SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS condition FROM pg_catalog.pg_policy p
  WHERE named.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = named.objid
    AND p.polrelid = tab.oid
  UNION ALL
  SELECT pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_catalog.pg_policy p
  WHERE named.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = named.objid
    AND p.polrelid = tab.oid
  UNION ALL
  SELECT pg_catalog.pg_get_expr(r.prqual, r.prrelid) FROM pg_catalog.pg_publication_rel r
  WHERE named.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
    AND r.oid = named.objid
  UNION ALL
  SELECT pg_catalog.substring(pg_catalog.pg_get_triggerdef(t.oid),
                              ' WHEN [(](.*)[)] EXECUTE FUNCTION ')
  FROM pg_catalog.pg_trigger t
  WHERE named.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = named.objid
    AND t.tgqual IS NOT NULL AND NOT t.tgisinternal) e
WHERE e.condition IS NOT NULL ORDER BY subject, e.condition
)sql";

constexpr char kTrialTable[] = "pg_temp._syncline_trial";
constexpr char kForbidden[] = "42501";
constexpr char kUndoTrialSql[] =
    "ROLLBACK TO SAVEPOINT syncline_trial; RELEASE SAVEPOINT syncline_trial";

// A column whose type changes.
struct Retyped {
  std::string name;
  std::string from;
  std::string to;
  std::string clause;  // of ALTER TABLE
};

absl::StatusOr<std::vector<Retyped>> FindRetyped(Transaction& transaction, const TableName& table,
                                                 const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableColumn> columns,
                            ReadTableColumns(transaction, table, {}));
  std::vector<Retyped> retyped;
  for (const TableColumn& column : columns) {
    for (const ColumnSchema& wanted : schema.columns) {
      if (wanted.column_name != column.name || column.type == GetTableType(wanted)) continue;
      const std::string type = GetTableType(wanted);
      retyped.push_back(
          {column.name, column.type, type,
           AlterTypeClause(column.name, type, CastToColumn(column.type, wanted).expression)});
    }
  }
  return retyped;
}

std::vector<std::string> GetNames(const std::vector<Retyped>& retyped) {
  std::vector<std::string> names;
  names.reserve(retyped.size());
  for (const Retyped& column : retyped) names.push_back(column.name);
  return names;
}

absl::Status CheckCatalog(Transaction& transaction, const TableName& table,
                          const std::vector<Retyped>& retyped, const PlannedColumns& planned) {
  std::vector<std::string> types;
  types.reserve(retyped.size());
  for (const Retyped& column : retyped) types.push_back(column.to);
  Params params;
  params.Text(table.schema).Text(table.name).TextArray(GetNames(retyped)).TextArray(types);
  params.TextArray({planned.dropped.begin(), planned.dropped.end()}).Bool(planned.replaced);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found,
      transaction.Query(absl::StrCat(kPreventsSql, kForeignKeyTypesSql, kFoundSql), params));
  if (found.empty()) return absl::OkStatus();
  const RowView row = found.Row(0);
  const std::string& column = row.Text("column_name");
  return MakeRefusal(reason::kDependentObjects, row.Text("subject"),
                     absl::StrCat(row.Text("why"), ", so the stream cannot ",
                                  planned.dropped.count(column) > 0 ? "drop" : "change the type of",
                                  " the column ", column, " of ", table.ToString(),
                                  ": drop that object, or load into another table"));
}

absl::Status CheckOwners(Transaction& transaction, const TableName& table,
                         const std::vector<Retyped>& retyped) {
  Params params;
  params.Text(table.schema).Text(table.name).TextArray(GetNames(retyped));
  SYNCLINE_ASSIGN_OR_RETURN(const Result found, transaction.Query(kOfOthersSql, params));
  if (found.empty()) return absl::OkStatus();
  const RowView row = found.Row(0);
  ErrorDetail detail;
  detail.reason = reason::kDbPermissionDenied;
  detail.subject = row.Text("subject");
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat(row.Text("subject"), " must be created again for the change of ",
                                absl::StrJoin(GetNames(retyped), ", "), " in ", table.ToString(),
                                ", but it belongs to the role ", row.Text("owner"),
                                ": grant that role to the server's role, or drop the object"),
                   detail);
}

// Runs `sql` on the copy. `why` and the database's message follow the subject in the error.
absl::Status Try(Transaction& transaction, const std::string& sql, const std::string& subject,
                 const std::string& why) {
  const absl::Status tried = transaction.Execute(sql);
  if (tried.ok() || !IsRefused(tried)) return tried;
  const std::string text = absl::StrCat(why, ": ", tried.message(),
                                        "; drop what does not fit, or load into another table");
  return WithMetadata(MakeRefusal(reason::kDependentObjects, subject, text), "sqlstate",
                      GetSqlState(tried));
}

absl::Status TryTypes(Transaction& transaction, const TableName& table,
                      const std::vector<Retyped>& retyped) {
  std::vector<std::string> clauses;
  std::vector<std::string> changes;
  for (const Retyped& column : retyped) {
    clauses.push_back(column.clause);
    changes.push_back(absl::StrCat(column.name, " from ", column.from, " to ", column.to));
  }
  return Try(transaction,
             absl::StrCat("ALTER TABLE ", kTrialTable, " ", absl::StrJoin(clauses, ", ")),
             table.ToString(),
             absl::StrCat("a default, constraint or index does not allow the change of ",
                          absl::StrJoin(changes, ", ")));
}

absl::Status TryConditions(Transaction& transaction, const TableName& table,
                           const std::vector<Retyped>& retyped) {
  Params params;
  params.Text(table.schema).Text(table.name).TextArray(GetNames(retyped));
  SYNCLINE_ASSIGN_OR_RETURN(const Result conditions, transaction.Query(kConditionsSql, params));
  for (const RowView row : conditions) {
    const std::string from = row.Bool("of_trigger")
                                 ? absl::StrCat(kTrialTable, " AS old, ", kTrialTable, " AS new")
                                 : absl::StrCat(kTrialTable, " AS ", QuoteIdentifier(table.name));
    const std::string sql =
        absl::StrCat("SELECT FROM ", from, " WHERE ", row.Text("condition"), " LIMIT 0");
    SYNCLINE_RETURN_IF_ERROR(Try(transaction, sql, row.Text("subject"),
                                 "its condition does not fit a column's new type"));
  }
  return absl::OkStatus();
}

// Changes the types in an empty temporary copy of the table. What our role may not do proves
// nothing, nor does a table that cannot be copied.
absl::Status TryChanges(Transaction& transaction, const TableName& table,
                        const std::vector<Retyped>& retyped) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SAVEPOINT syncline_trial"));
  absl::Status tried = transaction.Execute(absl::StrCat(
      "CREATE TEMPORARY TABLE ", kTrialTable, " (LIKE ", QuoteTable(table), " INCLUDING ALL)"));
  const bool copied = tried.ok();
  if (tried.ok()) tried = TryTypes(transaction, table, retyped);
  if (tried.ok()) tried = TryConditions(transaction, table, retyped);
  const bool forbidden = GetSqlState(tried) == kForbidden;
  if (!tried.ok() && !forbidden && !IsRefused(tried)) return tried;
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kUndoTrialSql));
  return copied && !forbidden ? tried : absl::OkStatus();
}

}  // namespace

absl::Status CheckColumnChanges(Transaction& transaction, const TableName& table,
                                const PlannedColumns& planned) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Retyped> retyped,
                            FindRetyped(transaction, table, planned.schema));
  if (retyped.empty() && planned.dropped.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(CheckCatalog(transaction, table, retyped, planned));
  if (retyped.empty()) return absl::OkStatus();
  if (!planned.replaced) SYNCLINE_RETURN_IF_ERROR(CheckOwners(transaction, table, retyped));
  return TryChanges(transaction, table, retyped);
}

}  // namespace syncline::postgres
