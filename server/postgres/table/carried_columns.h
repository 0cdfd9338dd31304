// Columns that the replaced table has and the loaded one lacks. They are added to the loaded table
// as definitions, so that they exist after the swap. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Adds to `source` every column of `target` that it lacks, except those in `left_out`: type,
// collation, default, generated expression, identity and NOT NULL. Existing rows get the default or
// NULL. Then the sequences of identity columns are advanced to the positions of the target's. Does
// nothing if there is no target. Errors: those of the database, for example for NOT NULL without a
// default.
absl::Status CarryColumns(Transaction& transaction, const TableName& source,
                          const TableName& target, const std::set<std::string>& left_out);

// Advances the sequences only, for a source that was just created like the target.
absl::Status CarryIdentityPositions(Transaction& transaction, const TableName& source,
                                    const TableName& target);

}  // namespace syncline::postgres
