#include "server/postgres/connection/publish_blockers.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

constexpr size_t kMaxReportedBlockers = 5;

// $1: schemas, $2: tables, $3: whether readers are excluded, too, $4: lock modes that do not
// conflict, $5: whether referenced tables are locked, too. One row per session and object. `pid` is
// 0 for a prepared transaction, `age` that of the transaction in microseconds, `query_start` that
// of the last statement.
constexpr char kBlockersSql[] = R"sql(
WITH RECURSIVE tab AS (
  SELECT c.oid FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.table_schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name),
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
    ON k.conrelid = tab.oid AND k.contype = 'f' WHERE $5::boolean)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object, coalesce(l.pid, 0) AS pid,
       coalesce(a.application_name, 'prepared transaction') AS application,
       coalesce((extract(epoch FROM clock_timestamp() - min(a.xact_start)) * 1000000)::bigint, 0)
         AS age,
       coalesce(pg_catalog.date_trunc('second', max(a.query_start))::text, '') AS query_start
FROM needed JOIN pg_catalog.pg_locks l ON l.relation = needed.oid AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database
                    WHERE datname = pg_catalog.current_database())
  AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.mode <> ALL ($4::text[])
JOIN pg_catalog.pg_class c ON c.oid = needed.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2
)sql";

// Returns the lock modes that do not conflict with `need`.
std::vector<std::string> NonConflictingModes(LockNeed need) {
  switch (need) {
    case LockNeed::kRead:
      return {"AccessShareLock",  "RowShareLock",
              "RowExclusiveLock", "ShareUpdateExclusiveLock",
              "ShareLock",        "ShareRowExclusiveLock",
              "ExclusiveLock"};
    case LockNeed::kLoad:
      return {"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"};
    case LockNeed::kWriters:
      return {"AccessShareLock"};
    case LockNeed::kReaders:
    case LockNeed::kReferenced:
    case LockNeed::kNone:
      return {};
  }
  return {};
}

std::string Describe(const Blocker& blocker) {
  std::string text = absl::StrCat(blocker.object, ": ");
  blocker.pid != 0 ? absl::StrAppend(&text, "pid ", blocker.pid, " (", blocker.application, ")")
                   : absl::StrAppend(&text, blocker.application);
  absl::StrAppend(&text, ", transaction open for ",
                  absl::FormatDuration(absl::Trunc(blocker.age, absl::Seconds(1))));
  if (!blocker.query_start.empty()) {
    absl::StrAppend(&text, ", last statement started at ", blocker.query_start);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<Blocker>> FindBlockers(Transaction& transaction,
                                                  const std::vector<TableName>& tables,
                                                  LockNeed need) {
  std::vector<Blocker> blockers;
  if (need == LockNeed::kNone || tables.empty()) return blockers;
  Params params;
  const bool referenced = need == LockNeed::kReferenced;
  params.TableNames(tables).Bool(need == LockNeed::kReaders || referenced);
  params.TextArray(NonConflictingModes(need)).Bool(referenced);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kBlockersSql, params));
  for (const RowView row : rows) {
    blockers.push_back({.object = row.Text("object"),
                        .pid = static_cast<int32_t>(row.Int("pid")),
                        .application = row.Text("application"),
                        .age = absl::Microseconds(row.Int("age")),
                        .query_start = row.Text("query_start")});
  }
  return blockers;
}

std::string DescribeBlockers(const std::vector<Blocker>& blockers) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(blockers.size(), kMaxReportedBlockers); ++i) {
    texts.push_back(Describe(blockers[i]));
  }
  return absl::StrJoin(texts, "; ");
}

absl::Status BeginReadOnly(Transaction& transaction) {
  return transaction.Execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

}  // namespace syncline::postgres
