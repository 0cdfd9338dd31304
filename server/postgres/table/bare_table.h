// Makes a staging table as bare as it was created: without indexes, keys and statistics.
//
// A publication that was refused or interrupted leaves on it what it had built for the target; the
// next records would be checked against it, and loaded slowly. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Drops every index, constraint and extended statistics of `table`, but NOT NULL and CHECK that
// `target` has, too: the records that come are held to them from the start. For staging tables
// only: nothing on them is a user's. Users of a table that a foreign key refers to queue behind the
// lock on it: the caller bounds the waits for locks (lock_policy.h).
absl::Status MakeBare(Transaction& transaction, const TableName& table, const TableName& target);

}  // namespace syncline::postgres
