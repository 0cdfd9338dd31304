#include "server/postgres/connection/advisory_lock.h"

#include <cstdint>

#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// The number is the hash's seed, which other programs are unlikely to use.
constexpr char kLockSql[] =
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 1937337955))";

constexpr char kTryLockSql[] =
    "SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended($1, 1937337955))";

constexpr char kLockAllSql[] = R"sql(
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(k.key, 1937337955))
FROM (SELECT key FROM unnest($1::text[]) WITH ORDINALITY u (key, at) ORDER BY at) k
)sql";

// pg_locks shows the two halves of a key of 64 bits, with 1 in objsubid.
constexpr char kHoldersSql[] = R"sql(
SELECT pg_catalog.substr(k.key, pg_catalog.strpos(k.key, '/') + 1) AS object, l.pid, coalesce(a.application_name, '') AS application,
  coalesce((extract(epoch FROM clock_timestamp() - a.xact_start) * 1000000)::bigint, 0) AS age,
  coalesce(pg_catalog.date_trunc('second', a.query_start)::text, '') AS query_start
FROM unnest($1::text[]) k (key)
JOIN pg_catalog.pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database
                    WHERE datname = pg_catalog.current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint
      = pg_catalog.hashtextextended(k.key, 1937337955)
  AND l.pid <> pg_catalog.pg_backend_pid()
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
ORDER BY a.xact_start, k.key
)sql";

}  // namespace

absl::Status AcquireLock(Transaction& transaction, absl::string_view key) {
  return transaction.Query(kLockSql, Params().Text(key)).status();
}

absl::Status AcquireLocks(Transaction& transaction, const std::vector<std::string>& keys) {
  return transaction.Query(kLockAllSql, Params().TextArray(keys)).status();
}

absl::StatusOr<bool> TryAcquireLock(Transaction& transaction, absl::string_view key) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kTryLockSql, Params().Text(key)));
  return rows.Bool(0, 0);
}

absl::StatusOr<std::vector<Blocker>> FindLockHolders(Transaction& transaction,
                                                     const std::vector<std::string>& keys) {
  std::vector<Blocker> holders;
  if (keys.empty()) return holders;
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kHoldersSql, Params().TextArray(keys)));
  for (const RowView row : rows) {
    holders.push_back({.object = row.Text("object"),
                       .pid = static_cast<int32_t>(row.Int("pid")),
                       .application = row.Text("application"),
                       .age = absl::Microseconds(row.Int("age")),
                       .query_start = row.Text("query_start")});
  }
  return holders;
}

}  // namespace syncline::postgres
