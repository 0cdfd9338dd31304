#include "server/postgres/dependents/relation_traits.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: oids of the relations; $2: oid of their successor, or NULL. `rel` has the relations, `col`
// those of their columns that the successor has, too.
constexpr char kSubjects[] = R"sql(
WITH rel AS (
  SELECT c.oid, c.relkind, c.relowner, c.relacl, c.reloptions, c.reltoastrelid, c.relreplident,
         c.relrowsecurity, c.relforcerowsecurity,
         format('%I.%I', n.nspname, c.relname) AS q,
         pg_describe_object('pg_class'::regclass, c.oid, 0) AS subject,
         CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END
           AS kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY($1::oid[])),
col AS (
  SELECT rel.oid, rel.relkind, rel.relowner, rel.q, rel.kind,
         format('%s.%I', rel.q, a.attname) AS qcol, quote_ident(a.attname) AS name,
         pg_describe_object('pg_class'::regclass, rel.oid, a.attnum) AS subject,
         a.attnum, a.atthasdef, a.attgenerated, a.attacl, a.attoptions, a.attstattarget,
         a.attstorage, a.attcompression,
         rel.relkind IN ('r', 'm') AND (s.atttypid IS NULL OR s.atttypid = a.atttypid OR
           (SELECT st.typstorage <> 'p' FROM pg_type st WHERE st.oid = s.atttypid)) AS stored,
         t.typstorage
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attribute s
    ON s.attrelid = $2::oid AND s.attname = a.attname AND s.attnum > 0 AND NOT s.attisdropped
  WHERE $2::oid IS NULL OR s.attnum IS NOT NULL),
)sql";

// The creation of a relation granted what default privileges define, so that is revoked first. A
// grant that another role than the owner made is made again as that role.
constexpr char kAccess[] = R"sql(
revoked AS (
  SELECT DISTINCT a.grantee FROM pg_default_acl d, aclexplode(d.defaclacl) a
  WHERE d.defaclobjtype = 'r'
  UNION SELECT a.grantee FROM pg_class s, aclexplode(s.relacl) a WHERE s.oid = $2::oid),
acl AS (
  SELECT rel.*, a.grantor, a.grantee, a.is_grantable, a.ord, a.privilege_type
  FROM rel, aclexplode(coalesce(rel.relacl, acldefault('r', rel.relowner)))
    WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, ord)
  WHERE rel.relacl IS NOT NULL OR EXISTS (SELECT FROM revoked)),
grants AS (
  SELECT oid, q, subject, relowner, grantor, grantee, is_grantable, min(ord) AS ord,
         string_agg(privilege_type, ', ' ORDER BY privilege_type) AS privileges
  FROM acl GROUP BY oid, q, subject, relowner, grantor, grantee, is_grantable
  UNION ALL
  SELECT oid, q, subject, relowner, a.grantor, a.grantee, a.is_grantable, 1000000 + min(a.ord),
         string_agg(format('%s (%s)', a.privilege_type, name), ', ' ORDER BY a.privilege_type)
  FROM col, aclexplode(attacl)
    WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, ord)
  GROUP BY oid, q, subject, relowner, attnum, a.grantor, a.grantee, a.is_grantable),
access AS (
  SELECT rel.oid, 0 AS ord, subject,
         format('REVOKE ALL ON TABLE %s FROM PUBLIC, %I', q, pg_get_userbyid(relowner)) || coalesce(
           (SELECT ', ' || string_agg(quote_ident(pg_get_userbyid(grantee)), ', ')
            FROM revoked WHERE grantee <> 0), '') AS sql
  FROM rel WHERE rel.relacl IS NOT NULL OR EXISTS (SELECT FROM revoked)
  UNION ALL
  SELECT oid, ord, subject,
         CASE WHEN grantor <> relowner
              THEN format('SET LOCAL ROLE %I; ', pg_get_userbyid(grantor)) ELSE '' END ||
         format('GRANT %s ON TABLE %s TO %s', privileges, q,
                CASE WHEN grantee = 0 THEN 'PUBLIC'
                     ELSE quote_ident(pg_get_userbyid(grantee)) END) ||
         CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END ||
         CASE WHEN grantor <> relowner THEN '; RESET ROLE' ELSE '' END
  FROM grants),
)sql";

// Only those column options that a user sets: some servers keep entries of their own there
// (pg_attver on Debian's 15.20), which refer to this very column and must not be copied to another.
constexpr char kStorage[] = R"sql(
storage AS (
  SELECT oid, subject, format('ALTER TABLE %s SET (%s)', q, string_agg(
           format('%I=%L', o.option_name, o.option_value), ', ')) AS sql
  FROM rel, pg_options_to_table(reloptions) o WHERE relkind = 'r' GROUP BY oid, subject, q
  UNION ALL
  SELECT rel.oid, subject, format('ALTER TABLE %s SET (%s)', q, string_agg(
           format('toast.%I=%L', o.option_name, o.option_value), ', '))
  FROM rel JOIN pg_class toast ON toast.oid = rel.reltoastrelid,
       pg_options_to_table(toast.reloptions) o
  GROUP BY rel.oid, subject, q
  UNION ALL
  SELECT col.oid, subject, format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s', q, name,
                              pg_get_expr(d.adbin, d.adrelid))
  FROM col JOIN pg_attrdef d ON d.adrelid = col.oid AND d.adnum = col.attnum
  WHERE attgenerated = ''
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s ALTER COLUMN %s SET STORAGE %s', q, name,
           CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                ELSE 'EXTENDED' END)
  FROM col WHERE stored AND attstorage <> typstorage
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s ALTER COLUMN %s SET COMPRESSION %s', q, name,
           CASE attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END)
  FROM col WHERE stored AND attcompression <> ''
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s ALTER COLUMN %s SET (%s)', q, name, string_agg(
           format('%I=%L', o.option_name, o.option_value), ', '))
  FROM col, pg_options_to_table(attoptions) o
  WHERE o.option_name IN ('n_distinct', 'n_distinct_inherited')
  GROUP BY oid, subject, q, name
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s ALTER COLUMN %s SET STATISTICS %s', q, name,
                              attstattarget)
  FROM col WHERE relkind IN ('r', 'm') AND attstattarget >= 0),
)sql";

// Indexes and statistics of materialized views. Those of tables are built before the swap.
constexpr char kIndexes[] = R"sql(
indexes AS (
  SELECT rel.oid, 0 AS ord, pg_describe_object('pg_class'::regclass, i.indexrelid, 0) AS subject,
         pg_get_indexdef(i.indexrelid) ||
         CASE WHEN i.indisclustered THEN format('; ALTER TABLE %s CLUSTER ON %I', q, ic.relname)
              ELSE '' END ||
         coalesce(format('; COMMENT ON INDEX %I.%I IS ', n.nspname, ic.relname) ||
                  quote_literal(obj_description(ic.oid, 'pg_class')), '') AS sql
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid AND i.indisvalid AND i.indisready
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = ic.relnamespace WHERE rel.relkind = 'm'
  UNION ALL
  SELECT rel.oid, 1, pg_describe_object('pg_statistic_ext'::regclass, s.oid, 0),
         pg_get_statisticsobjdef(s.oid) ||
         format('; ALTER STATISTICS %I.%I OWNER TO %I', n.nspname, s.stxname,
                pg_get_userbyid(s.stxowner)) ||
         coalesce(format('; COMMENT ON STATISTICS %I.%I IS ', n.nspname, s.stxname) ||
                  quote_literal(obj_description(s.oid, 'pg_statistic_ext')), '')
  FROM rel JOIN pg_statistic_ext s ON s.stxrelid = rel.oid
  JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE rel.relkind = 'm'),
)sql";

// The triggers inside a foreign key have names that differ from table to table, so those whose
// state was changed are found by their function.
constexpr char kBehaviour[] = R"sql(
behaviour AS (
  SELECT rel.oid, pg_describe_object('pg_trigger'::regclass, t.oid, 0) AS subject,
         pg_get_triggerdef(t.oid) ||
         CASE t.tgenabled WHEN 'O' THEN '' ELSE format('; ALTER TABLE %s %s TRIGGER %I', q,
           CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                ELSE 'ENABLE ALWAYS' END, t.tgname) END ||
         coalesce(format('; COMMENT ON TRIGGER %I ON %s IS ', t.tgname, q) ||
                  quote_literal(obj_description(t.oid, 'pg_trigger')), '') ||
         coalesce((SELECT string_agg(format('; ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION %I',
                                            t.tgname, q, e.extname), '' ORDER BY e.extname)
                   FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x'), '') AS sql
  FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid AND NOT t.tgisinternal
  UNION ALL
  SELECT rel.oid, pg_describe_object('pg_constraint'::regclass, k.oid, 0),
         'DO ' || quote_literal(format(
           'DECLARE found text; BEGIN FOR found IN SELECT t.tgname FROM pg_catalog.pg_trigger t '
           'JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint '
           'WHERE t.tgrelid = %1$L::pg_catalog.regclass AND k.conrelid = t.tgrelid '
           'AND k.conname = %2$L AND t.tgfoid = %3$s '
           'LOOP EXECUTE pg_catalog.format(%4$L, found); END LOOP; END',
           q, k.conname, t.tgfoid, format('ALTER TABLE %s %s TRIGGER %%I', replace(q, '%', '%%'),
             CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                  ELSE 'ENABLE ALWAYS' END)))
  FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid AND k.contype = 'f'
  JOIN pg_trigger t ON t.tgconstraint = k.oid AND t.tgrelid = rel.oid AND t.tgenabled <> 'O'
  UNION ALL
  SELECT rel.oid, pg_describe_object('pg_rewrite'::regclass, r.oid, 0),
         rtrim(pg_get_ruledef(r.oid), ';') ||
         CASE r.ev_enabled WHEN 'O' THEN '' ELSE format('; ALTER TABLE %s %s RULE %I', q,
           CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                ELSE 'ENABLE ALWAYS' END, r.rulename) END ||
         coalesce(format('; COMMENT ON RULE %I ON %s IS ', r.rulename, q) ||
                  quote_literal(obj_description(r.oid, 'pg_rewrite')), '')
  FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid AND r.rulename <> '_RETURN'
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', q)
  FROM rel WHERE relrowsecurity
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', q)
  FROM rel WHERE relforcerowsecurity
  UNION ALL
  SELECT rel.oid, pg_describe_object('pg_policy'::regclass, p.oid, 0),
         format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, q,
                CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                     WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC'
                                        ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                 FROM unnest(p.polroles) role)) ||
         coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') ||
         coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') ||
         coalesce(format('; COMMENT ON POLICY %I ON %s IS ', p.polname, q) ||
                  quote_literal(obj_description(p.oid, 'pg_policy')), '')
  FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
  UNION ALL
  SELECT oid, subject, format('ALTER TABLE %s REPLICA IDENTITY %s', q,
                              CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
  FROM rel WHERE relkind = 'r' AND relreplident IN ('f', 'n')
  UNION ALL
  SELECT rel.oid, pg_describe_object('pg_publication_rel'::regclass, pr.oid, 0),
         format('ALTER PUBLICATION %I ADD TABLE ONLY %s', p.pubname, q) ||
         coalesce((SELECT ' (' || string_agg(quote_ident(a.attname), ', ') || ')'
                   FROM pg_attribute a WHERE a.attrelid = rel.oid
                     AND a.attnum = ANY(pr.prattrs::int2[])), '') ||
         coalesce(' WHERE (' || pg_get_expr(pr.prqual, pr.prrelid) || ')', '')
  FROM rel JOIN pg_publication_rel pr ON pr.prrelid = rel.oid
  JOIN pg_publication p ON p.oid = pr.prpubid),
)sql";

// Also the comment and the privileges of the row type.
constexpr char kNotes[] = R"sql(
notes AS (
  SELECT rel.oid, subject, format('COMMENT ON TYPE %s IS %L', q, d.description) AS sql
  FROM rel JOIN pg_class c ON c.oid = rel.oid JOIN pg_description d
    ON d.classoid = 'pg_type'::regclass AND d.objoid = c.reltype AND d.objsubid = 0
  UNION ALL
  SELECT rel.oid, subject,
         format('REVOKE ALL ON TYPE %s FROM PUBLIC, %I', q, pg_get_userbyid(rel.relowner)) ||
         coalesce((SELECT string_agg(format('; GRANT USAGE ON TYPE %s TO %s', q,
                            CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                                 ELSE quote_ident(pg_get_userbyid(a.grantee)) END) ||
                            CASE WHEN a.is_grantable AND a.grantee <> rel.relowner
                                 THEN ' WITH GRANT OPTION' ELSE '' END, '' ORDER BY a.ord)
                   FROM aclexplode(t.typacl)
                     WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, ord)), '')
  FROM rel JOIN pg_class c ON c.oid = rel.oid
  JOIN pg_type t ON t.oid = c.reltype AND t.typacl IS NOT NULL
  UNION ALL
  SELECT oid, subject, format('COMMENT ON %s %s IS %L', kind, q, d.description)
  FROM rel JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = rel.oid AND d.objsubid = 0
  UNION ALL
  SELECT oid, subject, format('COMMENT ON COLUMN %s IS %L', qcol, d.description)
  FROM col JOIN pg_description d
    ON d.classoid = 'pg_class'::regclass AND d.objoid = col.oid AND d.objsubid = col.attnum
  UNION ALL
  SELECT oid, subject,
         format('SECURITY LABEL FOR %I ON %s %s IS %L', l.provider, kind, q, l.label)
  FROM rel JOIN pg_seclabel l
    ON l.classoid = 'pg_class'::regclass AND l.objoid = rel.oid AND l.objsubid = 0
  UNION ALL
  SELECT oid, subject,
         format('SECURITY LABEL FOR %I ON COLUMN %s IS %L', l.provider, qcol, l.label)
  FROM col JOIN pg_seclabel l
    ON l.classoid = 'pg_class'::regclass AND l.objoid = col.oid AND l.objsubid = col.attnum)
SELECT oid, phase, subject, sql FROM (
  SELECT oid, 0 AS phase, 0 AS ord, subject,
         format('ALTER TABLE %s OWNER TO %I', q, pg_get_userbyid(relowner)) AS sql FROM rel
  UNION ALL SELECT oid, 1, ord, subject, sql FROM access
  UNION ALL SELECT oid, 2, 0, subject, sql FROM storage
  UNION ALL SELECT oid, 3, ord, subject, sql FROM indexes
  UNION ALL SELECT oid, 4, 0, subject, sql FROM behaviour
  UNION ALL SELECT oid, 5, 0, subject, sql FROM notes) steps
ORDER BY oid, phase, ord, sql COLLATE "C"
)sql";

}  // namespace

absl::StatusOr<std::map<int64_t, RelationTraits>> CaptureTraits(
    Transaction& transaction, const std::vector<int64_t>& relations,
    std::optional<int64_t> successor) {
  std::map<int64_t, RelationTraits> traits;
  if (relations.empty()) return traits;
  Params params;
  params.Text(absl::StrCat("{", absl::StrJoin(relations, ","), "}")).OptionalInt(successor);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(absl::StrCat(kSubjects, kAccess, kStorage, kIndexes, kBehaviour, kNotes),
                        params));
  for (const RowView row : rows) {
    RelationTraits& of = traits[row.Int("oid")];
    const int64_t phase = row.Int("phase");
    std::vector<DdlStep>& steps = phase == 0 ? of.owner : phase == 1 ? of.access : of.rest;
    steps.push_back({.subject = row.Text("subject"), .sql = row.Text("sql")});
  }
  return traits;
}

}  // namespace syncline::postgres
