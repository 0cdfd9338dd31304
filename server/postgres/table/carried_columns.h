// Columns that a replaced table has and the loaded one has not: given to the loaded table as
// definitions, so that they are there after the swap. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Adds to `source` every column of `target` that it lacks, but for those in `left_out`: type,
// collation, default, generated expression, identity and NOT NULL; existing rows get the default or
// NULL. Then the sequences of identity columns go on from where the target's are. Nothing without a
// target. Errors: those of the database, e.g. for NOT NULL without a default.
absl::Status CarryColumns(Transaction& transaction, const TableName& source,
                          const TableName& target, const std::set<std::string>& left_out);

// The second half alone, for a source that was just created like the target.
absl::Status CarryIdentityPositions(Transaction& transaction, const TableName& source,
                                    const TableName& target);

}  // namespace syncline::postgres
