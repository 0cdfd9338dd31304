// Removes the indexes, keys and statistics that were added to a staging table since it was created.
//
// A publication that was refused or interrupted leaves on the staging table what it had built for
// the target. The next records would be checked against it and would load slowly. Stateless: safe
// from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Drops every index, constraint and extended statistics object of `table`, except NOT NULL and
// CHECK constraints that `target` has, too: arriving records are checked against these from the
// start. For staging tables only, because nothing on them is a user's. Users of a table that a
// foreign key refers to queue behind the lock on it, so the caller must limit the waits for locks
// (lock_policy.h).
absl::Status StripTable(Transaction& transaction, const TableName& table, const TableName& target);

}  // namespace syncline::postgres
