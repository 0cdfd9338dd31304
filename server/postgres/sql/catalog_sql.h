// Queries of PostgreSQL's catalog. They are constants; names are passed as parameters.
#pragma once

namespace syncline::postgres {

// $1: schema. Returns one boolean: whether it exists.
inline constexpr char kNamespaceExistsSql[] =
    "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)";

// $1: schema, $2: name. Returns one boolean: whether it is an ordinary or partitioned table.
inline constexpr char kTableExistsSql[] =
    "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))";

// $1: schema, $2: table. Returns a row if there is such a relation. `alone`: an INSERT into it does
// what COPY does, and nothing if no rows are inserted. `grouped`: an INSERT fires no trigger, those
// of constraints included, and runs no function of a user or an extension. tgtype: 1 is FOR EACH
// ROW, 2 BEFORE, 4 INSERT, 64 INSTEAD OF. `used` are the table, its indexes, defaults, generated
// columns and constraints, the types that they use, the domains' constraints, and the functions
// that these use, directly or by an operator or an operator class. pg_depend has no row for what
// PostgreSQL itself brings.
inline constexpr char kStatementUseSql[] =
    "SELECT c.relkind = 'r' AND NOT c.relrowsecurity"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r"
    " WHERE r.ev_class = c.oid AND r.ev_type = '3')"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid"
    " AND NOT t.tgisinternal AND t.tgtype & 4 <> 0 AND (t.tgtype & 1 = 0 OR t.tgtype & 66 <> 0))"
    " AS alone, NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid"
    " AND t.tgtype & 4 <> 0) AND NOT EXISTS (WITH RECURSIVE used (class, id) AS ("
    "SELECT c.tableoid, c.oid"
    " UNION SELECT c.tableoid, i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid"
    " UNION SELECT f.tableoid, f.oid FROM pg_catalog.pg_attrdef f WHERE f.adrelid = c.oid"
    " UNION SELECT k.tableoid, k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid"
    " UNION SELECT e.class, e.id FROM used u CROSS JOIN LATERAL ("
    "SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d"
    " WHERE d.classid = u.class AND d.objid = u.id AND d.refclassid IN"
    " ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,"
    " 'pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_opclass'::pg_catalog.regclass)"
    " UNION ALL SELECT k.tableoid, k.oid FROM pg_catalog.pg_constraint k"
    " WHERE k.contypid = u.id AND u.class = 'pg_catalog.pg_type'::pg_catalog.regclass"
    " UNION ALL SELECT c.tableoid, t.typrelid FROM pg_catalog.pg_type t WHERE t.oid = u.id"
    " AND t.typrelid <> 0 AND u.class = 'pg_catalog.pg_type'::pg_catalog.regclass"
    ") e (class, id)) SELECT FROM used WHERE used.class IN"
    " ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,"
    " 'pg_catalog.pg_opclass'::pg_catalog.regclass)) AS grouped"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2";

// $1: schema, $2: table. Returns one boolean: whether Citus places its rows. One statement that
// changes such a table and the ledger would commit on the other node before it commits here.
inline constexpr char kPlacedByCitusSql[] =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition p"
    " JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2)";

// $1: schema, $2: table, $3: column. Returns the column's type, without its modifier; no row if the
// column does not exist.
inline constexpr char kColumnTypeSql[] =
    "SELECT format_type(a.atttypid, NULL) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2"
    " AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped";

// $1: schemas, $2: names, arrays of the same length. Returns one row per name whose schema exists:
// its `place`, which counts from 1; whether it `is_relation`; and the kind of the type of this
// name, or NULL. Row types of relations are excluded, and so are array types of other types,
// because PostgreSQL renames those when a table of that name is created. Scalar subqueries take
// less time to plan than joins.
inline constexpr char kNamesInUseSql[] =
    "SELECT w.place, (SELECT c.oid FROM pg_catalog.pg_class c"
    " WHERE c.relnamespace = n.oid AND c.relname = w.name) IS NOT NULL AS is_relation,"
    " (SELECT t.typtype FROM pg_catalog.pg_type t"
    " WHERE t.typnamespace = n.oid AND t.typname = w.name AND t.typisdefined AND t.typrelid = 0"
    " AND t.oid <> coalesce((SELECT e.typarray FROM pg_catalog.pg_type e WHERE e.oid = t.typelem), "
    "0)"
    ") AS type_kind"
    " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (schema_name, name, place)"
    " JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema_name";

// $1: schemas, $2: names, arrays of the same length. Returns one row per table that exists, in
// their order. `place` counts from 1; `row_security`: it hides rows from this role;
// `access_method`: how it stores rows, or NULL if it stores none itself; then, of each meta column,
// its type as it is printed (NULL if missing) and whether it is the type that the column must have,
// and the maximum length of _airbyte_raw_id (NULL if it has none).
inline constexpr char kTableShapesSql[] =
    "SELECT w.place, c.relkind AS kind, c.relpersistence AS persistence,"
    " row_security_active(c.oid) AS row_security,"
    " (SELECT am.amname FROM pg_am am WHERE am.oid = c.relam) AS access_method,"
    " m.raw_id, m.raw_id_is_text, m.raw_id_length, m.extracted_at, m.extracted_at_fits, m.meta,"
    " m.meta_fits, m.generation_id, m.generation_id_fits"
    " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (schema_name, table_name, place)"
    " JOIN pg_namespace n ON n.nspname = w.schema_name"
    " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name"
    " CROSS JOIN LATERAL (SELECT"
    " max(t.type) FILTER (WHERE t.name = '_airbyte_raw_id') AS raw_id,"
    " bool_or(t.oid IN ('varchar'::regtype, 'text'::regtype))"
    " FILTER (WHERE t.name = '_airbyte_raw_id') AS raw_id_is_text,"
    " max(t.modifier - 4) FILTER (WHERE t.name = '_airbyte_raw_id' AND t.modifier >= 0)"
    " AS raw_id_length,"
    " max(t.type) FILTER (WHERE t.name = '_airbyte_extracted_at') AS extracted_at,"
    " bool_or(t.oid = 'timestamptz'::regtype AND t.modifier = -1)"
    " FILTER (WHERE t.name = '_airbyte_extracted_at') AS extracted_at_fits,"
    " max(t.type) FILTER (WHERE t.name = '_airbyte_meta') AS meta,"
    " bool_or(t.oid = 'jsonb'::regtype) FILTER (WHERE t.name = '_airbyte_meta') AS meta_fits,"
    " max(t.type) FILTER (WHERE t.name = '_airbyte_generation_id') AS generation_id,"
    " bool_or(t.oid = 'int8'::regtype) FILTER (WHERE t.name = '_airbyte_generation_id')"
    " AS generation_id_fits"
    " FROM (SELECT a.attname AS name, a.atttypid AS oid, a.atttypmod AS modifier,"
    " format_type(a.atttypid, a.atttypmod) AS type"
    " FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) t) m"
    " ORDER BY w.place";

// $1: schema, $2: table. Returns its columns in order, with their types and modifiers.
inline constexpr char kColumnsSql[] =
    "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,"
    " a.attnotnull AS not_null FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";

// $1: schema, $2: table. Returns its columns in order, without the meta columns. Types have their
// modifiers; `base_type` differs for a domain; `text_like`: a string type or an enum; `text_form`:
// the binary form of the base type is its text; `not_null`: also by its domain; `filled`: has a
// default, or is an identity or generated column.
inline constexpr char kTableColumnsSql[] =
    "SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,"
    " pg_catalog.format_type(base.oid, base.modifier) AS base_type,"
    " t.typcategory IN ('S', 'E') AS text_like,"
    " coalesce(base.receives IN ('textrecv', 'varcharrecv', 'bpcharrecv', 'enum_recv'), false)"
    " AS text_form, a.attnotnull OR t.typnotnull AS not_null,"
    " a.atthasdef OR a.attidentity <> '' AS filled, a.attgenerated <> '' AS generated"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " CROSS JOIN LATERAL (WITH RECURSIVE step (oid, modifier) AS ("
    "SELECT a.atttypid, a.atttypmod UNION ALL"
    " SELECT d.typbasetype, CASE WHEN d.typtypmod = -1 THEN step.modifier ELSE d.typtypmod END"
    " FROM step JOIN pg_catalog.pg_type d ON d.oid = step.oid WHERE d.typtype = 'd')"
    " SELECT step.oid, step.modifier, r.prosrc AS receives FROM step"
    " JOIN pg_catalog.pg_type b ON b.oid = step.oid"
    " LEFT JOIN pg_catalog.pg_proc r ON r.oid = b.typreceive AND r.prolang ="
    " (SELECT l.oid FROM pg_catalog.pg_language l WHERE l.lanname = 'internal')"
    " WHERE b.typtype <> 'd') base"
    " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped"
    " AND a.attname NOT IN ('_airbyte_raw_id', '_airbyte_extracted_at', '_airbyte_meta',"
    " '_airbyte_generation_id') ORDER BY a.attnum";

// $1: a type that is not a domain, as format_type() prints it. Returns one boolean: whether the
// time can be assigned to it, or it is a type for JSON. All types can be assigned to string types.
inline constexpr char kTakesTimesSql[] =
    "SELECT t.oid IN ('pg_catalog.json'::pg_catalog.regtype, "
    "'pg_catalog.jsonb'::pg_catalog.regtype)"
    " OR t.typcategory = 'S' OR EXISTS (SELECT FROM pg_catalog.pg_cast k"
    " WHERE k.castsource = 'pg_catalog.timestamptz'::pg_catalog.regtype"
    " AND k.casttarget = t.oid AND k.castcontext IN ('a', 'i'))"
    " FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype($1)";

// $1: schema, $2: table. Returns the number of columns, dropped ones included.
inline constexpr char kAttributesSql[] =
    "SELECT c.relnatts FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2";

// $1, $2: schema and name of a table; $3, $4: those of another; $5: columns. Returns the columns
// that both have with the same type, except those in $5 and those that have a default or are
// identity or generated columns in the other table.
inline constexpr char kSharedColumnsSql[] =
    "SELECT a.attname FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
    " JOIN pg_catalog.pg_class d ON d.relname = $4"
    " JOIN pg_catalog.pg_namespace m ON m.oid = d.relnamespace AND m.nspname = $3"
    " JOIN pg_catalog.pg_attribute b ON b.attrelid = d.oid AND b.attname = a.attname"
    " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped"
    " AND NOT b.attisdropped AND a.atttypid = b.atttypid AND a.atttypmod = b.atttypmod"
    " AND NOT b.atthasdef AND b.attidentity = '' AND b.attgenerated = ''"
    " AND NOT a.attname = ANY ($5::text[]) ORDER BY b.attnum";

// $1: schema, $2: table. Returns `options`: its storage parameters in the form of a WITH clause,
// those of its TOAST table included, or NULL; `tablespace`: its tablespace, quoted, or NULL if a
// new table is created there anyway or if this role may not create tables there; and
// `access_method`: its access method, quoted, or NULL if a new table gets it anyway.
inline constexpr char kStorageSql[] =
    "SELECT (SELECT pg_catalog.string_agg(pg_catalog.format(o.pattern, o.name, o.value), ', ') FROM"
    " (SELECT '%I=%L', option_name, option_value FROM pg_catalog.pg_options_to_table(c.reloptions)"
    " UNION ALL SELECT 'toast.%I=%L', option_name, option_value FROM pg_catalog.pg_class t,"
    " pg_catalog.pg_options_to_table(t.reloptions) WHERE t.oid = c.reltoastrelid)"
    " o (pattern, name, value)) AS options,"
    " (SELECT pg_catalog.quote_ident(s.spcname) FROM pg_catalog.pg_tablespace s"
    " JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()"
    " WHERE s.oid = CASE WHEN c.reltablespace <> 0 THEN c.reltablespace"
    " WHEN pg_catalog.current_setting('default_tablespace') <> '' THEN d.dattablespace END"
    " AND (s.oid = d.dattablespace OR pg_catalog.has_tablespace_privilege(s.oid, 'CREATE')))"
    " AS tablespace,"
    " (SELECT pg_catalog.quote_ident(am.amname) FROM pg_catalog.pg_am am WHERE am.oid = c.relam"
    " AND c.relkind = 'r'"
    " AND am.amname <> pg_catalog.current_setting('default_table_access_method'))"
    " AS access_method"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2";

// $1: the name of a foreign key. Returns one boolean: whether a foreign key of this name references
// its own table.
inline constexpr char kSelfForeignKeySql[] =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint k"
    " WHERE k.contype = 'f' AND k.conrelid = k.confrelid AND k.conname = $1)";

// $1: schema, $2: table, $3: columns. Returns the names of CHECK constraints on any of them.
inline constexpr char kChecksOfColumnsSql[] =
    "SELECT k.conname FROM pg_catalog.pg_constraint k"
    " JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2 AND k.contype = 'c' AND EXISTS"
    " (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)"
    " AND a.attname = ANY ($3::text[])) ORDER BY k.conname";

// $1: schema, $2: table, $3: columns. Returns one boolean: whether any of them has statistics.
inline constexpr char kHasStatisticsSql[] =
    "SELECT EXISTS (SELECT 1 FROM pg_stats WHERE schemaname = $1 AND tablename = $2"
    " AND attname = ANY ($3::name[]))";

}  // namespace syncline::postgres
