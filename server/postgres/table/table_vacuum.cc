#include "server/postgres/table/table_vacuum.h"

#include "base/status_macros.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table; $3: dead rows that the statistics may not include yet. The rule is that of
// relation_needs_vacanalyze in PostgreSQL's autovacuum.c.
constexpr char kDueSql[] = R"sql(
SELECT coalesce(o.enabled, true) AND
       greatest(pg_catalog.pg_stat_get_dead_tuples(c.oid), $3::bigint) >
       coalesce(o.threshold,
                pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8) +
       coalesce(o.scale_factor,
                pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8) *
       greatest(c.reltuples, 0) AS due
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT pg_catalog.bool_and(option_value::boolean)
           FILTER (WHERE option_name = 'autovacuum_enabled') AS enabled,
         pg_catalog.max(option_value::float8)
           FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS threshold,
         pg_catalog.max(option_value::float8)
           FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS scale_factor
  FROM pg_catalog.pg_options_to_table(c.reloptions)) o
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'
)sql";

}  // namespace

absl::StatusOr<bool> VacuumIfDue(Database& database, const TableName& table, int64_t dead_rows) {
  bool due = false;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result rows,
        transaction.Query(kDueSql, Params().Text(table.schema).Text(table.name).Int(dead_rows)));
    due = !rows.empty() && rows.Bool(0, 0);
    return absl::OkStatus();
  }));
  if (!due) return false;
  SYNCLINE_RETURN_IF_ERROR(database.ExecuteAlone(VacuumSql(table)));
  return true;
}

}  // namespace syncline::postgres
