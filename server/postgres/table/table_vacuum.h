// VACUUM of a table in which a merge has left many dead rows.
//
// Each merge locks the table against a vacuum, and sooner or later cancels an autovacuum that holds
// it up. A table that is merged more often than one vacuum takes would never be vacuumed.
// Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

// Vacuums `table` if it has more dead rows than autovacuum's threshold for it, of which a merge has
// just made `dead_rows`, and returns whether it did. Does nothing if the table is missing,
// autovacuum is off for it, or another session holds a conflicting lock. Does not give pages at the
// end of the table back to the system, which would lock readers out. Errors: those of
// Database::ExecuteAlone.
absl::StatusOr<bool> VacuumIfDue(Database& database, const TableName& table, int64_t dead_rows);

}  // namespace syncline::postgres
