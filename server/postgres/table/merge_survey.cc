#include "server/postgres/table/merge_survey.h"

#include <algorithm>
#include <set>

#include "base/status_macros.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1, $2: schema and name of the target; $3, $4: of the source. Returns one row per column of the
// target. `only_inserted`: it is an identity that only INSERT sets; `collation`: in which to
// compare it, or empty.
constexpr char kColumnsSql[] = R"sql(
SELECT a.attname AS name, a.attgenerated <> '' AS generated, a.attidentity = 'a' AS only_inserted,
       CASE WHEN l.oid IS NULL THEN ''
            WHEN NOT l.collisdeterministic THEN 'pg_catalog."C"'
            WHEN b.attcollation IS NULL OR b.attcollation = a.attcollation THEN ''
            ELSE pg_catalog.format('%I.%I', ln.nspname, l.collname) END AS collation
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
LEFT JOIN pg_catalog.pg_attribute b ON b.attname = a.attname AND b.attnum > 0
  AND NOT b.attisdropped AND b.attrelid = (
    SELECT sc.oid FROM pg_catalog.pg_class sc
    JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
    WHERE sn.nspname = $3 AND sc.relname = $4)
WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum
)sql";

// $1: schema; $2: table. `divided`: it has partitions or children; `watched`: triggers observe its
// rows; `protects`: some of them are the user's or those of foreign keys that point at its rows.
constexpr char kTriggersSql[] = R"sql(
SELECT c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
         AS divided,
       EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid) AS watched,
       EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
       OR EXISTS (SELECT FROM pg_catalog.pg_constraint k
                  WHERE k.confrelid = c.oid AND k.contype = 'f') AS protects
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
)sql";

// $1: schema; $2: table; $3: the primary key. Returns one row per index that is checked row by row
// and per column of it that may be NULL (NULL if it has none).
constexpr char kImmediateSql[] = R"sql(
WITH unique_index AS (
  SELECT i.relname, x.indrelid, x.indnullsnotdistinct,
         ARRAY(SELECT a.attnum FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = x.indrelid AND a.attnum > 0 AND (
                 a.attnum = ANY (x.indkey::int2[]) OR EXISTS (
                   SELECT FROM pg_catalog.pg_depend d
                   WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.oid
                     AND d.refclassid = 'pg_catalog.pg_class'::regclass
                     AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum))) AS columns
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND x.indisready AND x.indimmediate
    AND (x.indisunique OR x.indisexclusion))
SELECT u.relname AS index_name, a.attname AS column_name FROM unique_index u
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = u.indrelid AND a.attnum = ANY (u.columns)
  AND NOT a.attnotnull AND a.attgenerated = '' AND a.attidentity = '' AND NOT u.indnullsnotdistinct
  AND a.attname::text <> ALL ($3::text[])
WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute k WHERE k.attrelid = u.indrelid
              AND k.attnum = ANY (u.columns) AND k.attname::text <> ALL ($3::text[]))
ORDER BY u.relname, a.attnum
)sql";

absl::Status SurveyColumns(Transaction& transaction, const TableName& source,
                           const TableName& target, const std::set<std::string>& declared,
                           MergeTarget* survey) {
  Params params;
  params.Text(target.schema).Text(target.name).Text(source.schema).Text(source.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kColumnsSql, params));
  for (const RowView row : rows) {
    const std::string& name = row.Text("name");
    const bool generated = row.Bool("generated");
    if (declared.count(name) == 0) {
      if (!generated) survey->others.push_back(name);
      continue;
    }
    if (generated) survey->generated.insert(name);
    if (row.Bool("only_inserted")) survey->identity.insert(name);
    const std::string& collation = row.Text("collation");
    if (!collation.empty()) survey->collations[name] = collation;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MergeTarget> SurveyTarget(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema) {
  MergeTarget survey;
  const std::vector<std::string> columns = AllColumns(schema);
  const std::set<std::string> declared(columns.begin(), columns.end());
  SYNCLINE_RETURN_IF_ERROR(SurveyColumns(transaction, source, target, declared, &survey));
  Params params;
  params.Text(target.schema).Text(target.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result triggers, transaction.Query(kTriggersSql, params));
  if (!triggers.empty()) {
    survey.divided = triggers.Row(0).Bool("divided");
    survey.watched = triggers.Row(0).Bool("watched");
    survey.protects = triggers.Row(0).Bool("protects");
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result indexes,
                            transaction.Query(kImmediateSql, params.TextArray(schema.primary_key)));
  for (const RowView row : indexes) {
    const std::string& name = row.Text("index_name");
    if (survey.immediate.empty() || survey.immediate.back().name != name) {
      survey.immediate.push_back({name, {}});
    }
    const std::string& column = row.Text("column_name");
    if (declared.count(column) > 0) survey.immediate.back().nullable.push_back(column);
  }
  return survey;
}

}  // namespace syncline::postgres
