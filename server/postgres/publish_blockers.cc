#include "server/postgres/publish_blockers.h"

#include "server/base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: schema, $2: table, $3: whether readers are kept out, too. One row per session and object:
// object, pid (0 when there is none), application, age in microseconds.
constexpr char kBlockersSql[] = R"sql(
WITH RECURSIVE tab AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2),
up (oid) AS (
  SELECT oid FROM tab
  UNION
  SELECT r.ev_class FROM up JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = up.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid),
needed (oid) AS (
  SELECT oid FROM tab
  UNION SELECT oid FROM up WHERE $3::boolean
  UNION SELECT k.conrelid FROM tab JOIN pg_catalog.pg_constraint k
    ON k.confrelid = tab.oid AND k.contype = 'f' WHERE $3::boolean
  UNION SELECT k.confrelid FROM tab JOIN pg_catalog.pg_constraint k
    ON k.conrelid = tab.oid AND k.contype = 'f' WHERE $3::boolean)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), coalesce(l.pid, 0),
       coalesce(a.application_name, 'prepared transaction'),
       coalesce((extract(epoch FROM clock_timestamp() - min(a.xact_start)) * 1000000)::bigint, 0)
FROM needed JOIN pg_catalog.pg_locks l ON l.relation = needed.oid AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database
                    WHERE datname = pg_catalog.current_database())
  AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND ($3::boolean OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))
JOIN pg_catalog.pg_class c ON c.oid = needed.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2
)sql";

}  // namespace

absl::StatusOr<std::vector<Blocker>> FindBlockers(Transaction& transaction, const TableName& table,
                                                  LockNeed need) {
  std::vector<Blocker> blockers;
  if (need == LockNeed::kNone) return blockers;
  Params params;
  params.Text(table.schema).Text(table.name).Bool(need == LockNeed::kReaders);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kBlockersSql, params));
  for (size_t row = 0; row < rows.size(); ++row) {
    blockers.push_back({.object = rows.Text(row, 0),
                        .pid = static_cast<int32_t>(rows.Int(row, 1)),
                        .application = rows.Text(row, 2),
                        .age = absl::Microseconds(rows.Int(row, 3))});
  }
  return blockers;
}

absl::Status BeginReadOnly(Transaction& transaction) {
  return transaction.Execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

}  // namespace syncline::postgres
