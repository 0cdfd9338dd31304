#include "server/postgres/dependents/column_dependents.h"

#include <cstdint>
#include <set>
#include <utility>

#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/dependents/relation_traits.h"

namespace syncline::postgres {
namespace {

// $1: oid of the table; $2: names of columns; $3: oids of views. Returns one row per object that
// must be removed: the relation that it belongs to, and the statement. Partitions have the columns,
// too, and clones of the table's triggers, which follow those.
constexpr char kInTheWaySql[] = R"sql(
WITH RECURSIVE tree (oid) AS (
  SELECT $1::pg_catalog.oid
  UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
hit AS (
  SELECT DISTINCT d.classid, d.objid
  FROM tree JOIN pg_catalog.pg_attribute a ON a.attrelid = tree.oid
    AND a.attname = ANY ($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
  UNION
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
  WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = ANY ($3::pg_catalog.oid[])),
object AS (
  SELECT p.polrelid AS relation, hit.classid, hit.objid, 'DROP POLICY %2$I ON %1$s' AS removal,
         p.polname AS name
  FROM hit JOIN pg_catalog.pg_policy p
    ON hit.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = hit.objid
  UNION ALL
  SELECT t.tgrelid, hit.classid, hit.objid, 'DROP TRIGGER %2$I ON %1$s', t.tgname
  FROM hit JOIN pg_catalog.pg_trigger t
    ON hit.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = hit.objid
  WHERE NOT t.tgisinternal AND t.tgparentid = 0
  UNION ALL
  SELECT r.ev_class, hit.classid, hit.objid, 'DROP RULE %2$I ON %1$s', r.rulename
  FROM hit JOIN pg_catalog.pg_rewrite r
    ON hit.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = hit.objid
  WHERE r.rulename <> '_RETURN'
  UNION ALL
  SELECT r.prrelid, hit.classid, hit.objid, 'ALTER PUBLICATION %2$I DROP TABLE ONLY %1$s', p.pubname
  FROM hit JOIN pg_catalog.pg_publication_rel r
    ON hit.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND r.oid = hit.objid
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid)
SELECT o.relation, pg_catalog.pg_describe_object(o.classid, o.objid, 0) AS subject,
       pg_catalog.format(o.removal, pg_catalog.format('%I.%I', n.nspname, c.relname), o.name)
         AS removal,
       CASE WHEN o.relation <> $1::pg_catalog.oid AND c.relkind IN ('r', 'p')
            THEN pg_catalog.format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', n.nspname,
                                   c.relname) END AS lock
FROM object o JOIN pg_catalog.pg_class c ON c.oid = o.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT o.relation = ANY ($3::pg_catalog.oid[])
ORDER BY o.relation, o.classid, o.name COLLATE "C"
)sql";

// $1: oid of the table; $2: names of columns; $3: their new types. Returns the statements that set
// again what the change resets.
constexpr char kResetSql[] = R"sql(
WITH tab AS (
  SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS q
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = $1::pg_catalog.oid),
col AS (
  SELECT tab.oid, tab.q, a.attnum, a.attname, a.attstorage, a.attcompression,
         old.typstorage AS old_default, new.typstorage AS new_default,
         pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, tab.oid,
                                       a.attnum) AS subject
  FROM unnest($2::text[], $3::text[]) AS w(name, type) CROSS JOIN tab
  JOIN pg_catalog.pg_attribute a ON a.attrelid = tab.oid AND a.attname = w.name AND a.attnum > 0
  JOIN pg_catalog.pg_type old ON old.oid = a.atttypid
  JOIN pg_catalog.pg_type new ON new.oid = w.type::pg_catalog.regtype),
step AS (
  SELECT subject, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE %s', q, attname,
           CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                ELSE 'EXTENDED' END) AS sql
  FROM col WHERE attstorage <> old_default AND attstorage <> new_default AND new_default <> 'p'
  UNION ALL
  SELECT subject, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION %s', q, attname,
           CASE attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END)
  FROM col WHERE attcompression <> '' AND new_default <> 'p'
  UNION ALL
  SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0),
         pg_catalog.format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname,
                           c.relname, a.attnum, a.attstattarget)
  FROM tab JOIN pg_catalog.pg_index i ON i.indrelid = tab.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attstattarget >= 0
  UNION ALL
  SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0),
         pg_catalog.format('ALTER INDEX %I.%I DEPENDS ON EXTENSION %I', n.nspname, c.relname,
                           e.extname)
  FROM tab JOIN pg_catalog.pg_index i ON i.indrelid = tab.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    AND d.deptype = 'x'
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
  UNION ALL
  SELECT pg_catalog.pg_describe_object('pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid,
                                       0),
         t.sql
  FROM tab JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = tab.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
  CROSS JOIN LATERAL (VALUES
    (CASE WHEN s.stxstattarget >= 0
          THEN pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname,
                                 s.stxstattarget) END),
    (CASE WHEN pg_catalog.pg_get_userbyid(s.stxowner) <> current_user
          THEN pg_catalog.format('ALTER STATISTICS %I.%I OWNER TO %I', n.nspname, s.stxname,
                                 pg_catalog.pg_get_userbyid(s.stxowner)) END)) AS t(sql)
  WHERE t.sql IS NOT NULL AND EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN col ON d.refobjid = col.oid
      AND d.refobjsubid = col.attnum
    WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND d.objid = s.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass))
SELECT subject, sql FROM step ORDER BY subject, sql COLLATE "C"
)sql";

// $1: oid of the table; $2: names of columns. Returns the foreign keys on these columns.
constexpr char kForeignKeysSql[] = R"sql(
SELECT DISTINCT pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass,
                                              k.oid, 0)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid
  AND a.attnum = ANY (k.conkey) AND a.attname = ANY ($2::text[])
WHERE k.conrelid = $1::pg_catalog.oid AND k.contype = 'f'
)sql";

DdlStep About(const std::string& subject, const std::string& sql) {
  return {.subject = subject, .sql = sql, .reason = reason::kDependentObjects};
}

std::vector<std::string> GetColumns(const std::map<std::string, std::string>& retyped) {
  std::vector<std::string> columns;
  columns.reserve(retyped.size());
  for (const auto& [column, type] : retyped) columns.push_back(column);
  return columns;
}

// Appends the steps that set again what the change resets. The new types are names as the
// transaction's search path prints them.
absl::Status AppendReset(Transaction& transaction, int64_t table,
                         const std::map<std::string, std::string>& retyped,
                         std::vector<DdlStep>* steps) {
  std::vector<std::string> types;
  types.reserve(retyped.size());
  for (const auto& [column, type] : retyped) types.push_back(type);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kResetSql,
                        Params().Int(table).TextArray(GetColumns(retyped)).TextArray(types)));
  for (const RowView row : rows) steps->push_back(About(row.Text("subject"), row.Text("sql")));
  return absl::OkStatus();
}

absl::StatusOr<ColumnDependents> Capture(Transaction& transaction, const Dependents& readers,
                                         const std::vector<std::string>& columns) {
  std::vector<int64_t> views;
  for (const DependentView& view : readers.views) views.push_back(view.oid);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result objects,
      transaction.Query(kInTheWaySql,
                        Params().Int(readers.table).TextArray(columns).IntArray(views)));
  ColumnDependents dependents;
  std::set<int64_t> relations = {readers.table};
  std::set<std::string> subjects;
  for (const RowView row : objects) {
    const bool first = relations.insert(row.Int("relation")).second;
    if (first && !row.IsNull("lock")) {
      dependents.locks.push_back(About(row.Text("subject"), row.Text("lock")));
    }
    subjects.insert(row.Text("subject"));
    dependents.remove.push_back(About(row.Text("subject"), row.Text("removal")));
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result keys,
      transaction.Query(kForeignKeysSql, Params().Int(readers.table).TextArray(columns)));
  for (size_t row = 0; row < keys.size(); ++row) subjects.insert(keys.Text(row, 0));
  SYNCLINE_ASSIGN_OR_RETURN(
      const auto traits,
      CaptureTraits(transaction, {relations.begin(), relations.end()}, std::nullopt));
  for (const auto& [relation, of] : traits) {
    for (const DdlStep& step : of.rest) {
      if (subjects.count(step.subject) == 0) continue;
      dependents.restore.push_back(About(step.subject, step.sql));
    }
  }
  return dependents;
}

}  // namespace

absl::StatusOr<ColumnDependents> CaptureColumnDependents(
    Transaction& transaction, const Dependents& readers,
    const std::map<std::string, std::string>& retyped) {
  std::vector<DdlStep> reset;
  SYNCLINE_RETURN_IF_ERROR(AppendReset(transaction, readers.table, retyped, &reset));
  SYNCLINE_ASSIGN_OR_RETURN(ColumnDependents dependents,
                            RetryIfVanished(Capture(transaction, readers, GetColumns(retyped))));
  dependents.restore.insert(dependents.restore.end(), reset.begin(), reset.end());
  return dependents;
}

}  // namespace syncline::postgres
