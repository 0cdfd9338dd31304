// Statistics of a table that was just loaded, gathered before it is read.
//
// If autovacuum will gather full statistics of the table anyway, a small sample bridges the time
// until then: plans are sound from the first query on, and callers that wait for the table do not
// wait for a long ANALYZE. Otherwise it is an ordinary ANALYZE. Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

// `table_oid` is the loaded table. `settings_oid` is a table whose storage parameters it is going
// to have, or 0. Waits for a lock that vacuum holds. Errors: those of Database::Transact.
absl::Status GatherFirstStatistics(Database& database, int64_t table_oid, int64_t settings_oid);

}  // namespace syncline::postgres
