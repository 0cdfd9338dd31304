// Makes a staging table as bare as it was created: without indexes, constraints and statistics.
//
// A publication that was refused or interrupted leaves on it what it had built for the target; the
// next records would be checked against it, and loaded slowly. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

// Drops every index, constraint and extended statistics of `table`, and NOT NULL of the columns
// that `schema` does not declare NOT NULL; the meta columns keep theirs. For staging tables only:
// nothing on them is a user's.
absl::Status MakeBare(Transaction& transaction, const TableName& table, const TableSchema& schema);

}  // namespace syncline::postgres
