#include "tests/component/hostile_schema.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace syncline::testing {
namespace {

// $E is the schema.
constexpr const char* kStatements[] = {
    R"sql(
CREATE SCHEMA $E;
CREATE SEQUENCE $E.called;
CREATE TABLE $E.trap (number serial, name text NOT NULL)
)sql",
    // Creates an object whose $BODY notes its number in the sequence, which survives a rollback.
    R"sql(
CREATE FUNCTION $E.make(wanted text, definition text) RETURNS void LANGUAGE plpgsql AS $f$
DECLARE
  n int;
BEGIN
  INSERT INTO $E.trap (name) VALUES (wanted) RETURNING number INTO n;
  EXECUTE replace(replace(definition, '$NUMBER', n::text), '$BODY', format(
    'LANGUAGE plpgsql AS $x$ BEGIN PERFORM pg_catalog.setval(''$E.called'', %s); '
    'RAISE ''an overload was called''; END $x$', n));
EXCEPTION WHEN OTHERS THEN
  NULL;  -- PL/pgSQL or pg_catalog does not allow it
END $f$
)sql",
    R"sql(
CREATE TABLE $E.own AS SELECT oid::regtype AS type FROM pg_type
WHERE oid = ANY ('{text,name,oid,regclass,xid,"\"char\"",int2,int4,int8,varchar}'::regtype[])
)sql",
    // Every function, aggregate and window function, with the same arguments.
    R"sql(
SELECT $E.make(p.oid::regprocedure::text, format('CREATE FUNCTION $E.%I(%s) RETURNS %s %s $BODY',
  p.proname, pg_get_function_identity_arguments(p.oid), CASE WHEN p.proretset THEN 'SETOF' END,
  p.prorettype::regtype))
FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.provariadic = 0
  AND NOT p.proargtypes::oid[] && '{internal,cstring,"\"any\""}'::regtype[]::oid[]
  AND p.prorettype <> ALL ('{internal,cstring,trigger,event_trigger}'::regtype[]::oid[])
)sql",
    // Functions that would match better than one with VARIADIC "any", text or a polymorphic type.
    R"sql(
SELECT $E.make(format('%s with %s arguments of type %s', f, n, type),
  format('CREATE FUNCTION $E.%I(%s) RETURNS text $BODY', f,
         rtrim(repeat(format('%s, ', type), n), ', ')))
FROM unnest('{format,concat,concat_ws,quote_ident,quote_literal,jsonb_build_object,
  jsonb_build_array,count,max,min,sum,array_agg,string_agg,bool_or,pg_describe_object,
  obj_description,substr,length,octet_length,set_config,current_setting,to_jsonb,unnest,lower,upper,
  left,right,rtrim,replace,md5,pg_get_userbyid,has_table_privilege}'::text[]) f,
  $E.own, generate_series(1, 3) n
)sql",
    R"sql(
SELECT $E.make(format('format of %s', a), format('CREATE FUNCTION $E.format(%s) RETURNS text $BODY', a))
FROM unnest('{"text, name","text, oid, xid","text, name, name","text, text, name","text, name, oid",
  "text, name, text","text, text, name, name"}'::text[]) a
)sql",
    // Every operator, and those of types that pg_catalog has to cast.
    R"sql(
CREATE TABLE $E.operator AS
  SELECT oprleft::regtype AS l, oprname::text AS o, oprright::regtype AS r FROM pg_operator
  WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
  UNION SELECT a.type, o, b.type
  FROM $E.own a, $E.own b, unnest('{=,<>,<,>,<=,>=,||,~}'::text[]) o
)sql",
    R"sql(
SELECT $E.make(format('an operator of %s and %s', l, r), format(
  'CREATE FUNCTION $E.%I(%s, %s) RETURNS bool $BODY', format('op_%s_%s', l::oid, r::oid), l, r))
FROM (SELECT DISTINCT l, r FROM $E.operator) p
)sql",
    R"sql(
SELECT $E.make(format('%s %s %s', l, o, r), format(
  'CREATE OPERATOR $E.%s (FUNCTION = $E.%I, LEFTARG = %s, RIGHTARG = %s)', o,
  format('op_%s_%s', l::oid, r::oid), l, r))
FROM $E.operator
)sql",
    // Every type and every relation.
    R"sql(
SELECT $E.make(format('type %s', typname),
               format('CREATE DOMAIN $E.%I AS pg_catalog.%I CHECK (false)', typname, typname))
FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
  AND typelem = 0
)sql",
    R"sql(
SELECT $E.make(format('relation %s', relname), format(
  'CREATE VIEW $E.%I AS SELECT * FROM pg_catalog.%I '
  'WHERE pg_catalog.setval(''$E.called'', $NUMBER) IS NULL', relname, relname))
FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
)sql",
};

}  // namespace

std::vector<std::string> CreateHostileSchema(absl::string_view schema) {
  std::vector<std::string> statements;
  for (const char* const statement : kStatements) {
    statements.push_back(absl::StrReplaceAll(statement, {{"$E", schema}}));
  }
  return statements;
}

std::string HostileCallSql(absl::string_view schema) {
  return absl::StrCat("SELECT coalesce(max(t.name), '') FROM ", schema, ".called c JOIN ", schema,
                      ".trap t ON t.number = c.last_value WHERE c.is_called");
}

}  // namespace syncline::testing
