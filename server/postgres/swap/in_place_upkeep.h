// What follows an in-place replace after its commit: the dead rows are vacuumed and the
// materialized views that read the table are refreshed. Nothing of it can undo the replace, so
// failures are logged. Blocking. Stateless: safe from any thread.
#pragma once

#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"

namespace syncline::postgres {

// Vacuums and analyzes `table`, without locks that block readers. Skips a table that is locked or
// that our role may not vacuum; autovacuum does it then.
void VacuumReplaced(Database& database, const TableName& table);

// Refreshes the materialized views that read `table` directly and have contents, each in a
// transaction of its own under the lock policy: CONCURRENTLY where they have a unique index;
// otherwise their readers wait as long as their query takes.
void RefreshReaders(Database& database, const TableName& table, const LockPolicy& locks);

}  // namespace syncline::postgres
