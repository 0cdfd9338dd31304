// The definitions of everything in one schema, for servers that are newer than the installed
// pg_dump.
#pragma once

namespace syncline::testing {

// One row per object, in a fixed order. $1 is the schema, $2 a table that is left out with its
// indexes. Oids are printed as names, so that a table that replaces another one prints the same.
// Like pg_dump, it leaves out the collation and the storage that the type of a column has anyway,
// and privileges that its owner has anyway.
inline constexpr char kDefinitionsSql[] = R"sql(
WITH c AS (
  SELECT r.*, n.nspname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
  WHERE n.nspname = $1 AND r.relname <> $2 AND r.relkind <> 't' AND NOT EXISTS (
    SELECT FROM pg_index i JOIN pg_class o ON o.oid = i.indrelid
    WHERE i.indexrelid = r.oid AND o.relnamespace = r.relnamespace AND o.relname = $2))
SELECT line FROM (
  SELECT concat_ws(' ', 'relation', relname, relkind, relpersistence, relowner::regrole,
    array_to_string(reloptions, ','),
    nullif(relacl::text, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)::text),
    relrowsecurity, relforcerowsecurity, relreplident,
    obj_description(oid, 'pg_class')) AS line FROM c
  UNION ALL
  SELECT concat_ws(' ', 'column', relname, attname, format_type(atttypid, atttypmod), attnotnull,
    pg_get_expr(adbin, adrelid), attacl, nullif(attcollation, typcollation)::regcollation,
    nullif(attstorage, typstorage), attstattarget, attoptions, col_description(c.oid, attnum))
  FROM c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  JOIN pg_type y ON y.oid = atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(k.oid),
    obj_description(k.oid, 'pg_constraint'))
  FROM c JOIN pg_constraint k ON k.conrelid = c.oid
  UNION ALL
  SELECT concat_ws(' ', 'index', pg_get_indexdef(oid)) FROM c WHERE relkind IN ('i', 'I')
  UNION ALL
  SELECT concat_ws(' ', 'view', relname, pg_get_viewdef(oid)) FROM c WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT concat_ws(' ', 'trigger', relname, pg_get_triggerdef(t.oid), tgenabled,
    obj_description(t.oid, 'pg_trigger'))
  FROM c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT tgisinternal
  UNION ALL
  SELECT concat_ws(' ', 'policy', p.*) FROM pg_policies p WHERE p.schemaname = $1
  UNION ALL
  SELECT concat_ws(' ', 'rule', pg_get_ruledef(w.oid)) FROM c JOIN pg_rewrite w ON w.ev_class = c.oid
  UNION ALL
  SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(s.oid), stxowner::regrole)
  FROM pg_statistic_ext s JOIN c ON c.oid = s.stxrelid
  UNION ALL
  SELECT concat_ws(' ', 'publication', p.*) FROM pg_publication_tables p WHERE p.schemaname = $1
) d ORDER BY line COLLATE "C"
)sql";

}  // namespace syncline::testing
