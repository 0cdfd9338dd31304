// Names of NOT NULL constraints in a swap. PostgreSQL 18 gives them names and comments; before,
// they are a property of the column, and there is nothing to do.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

// Returns the steps that give the NOT NULL constraints of the loaded table, which has the target's
// name then, the names and comments of the target's on the same columns. Other ones, and those of a
// table that replaces none, get the name that PostgreSQL would have chosen for the target's name,
// if it is short enough. Errors: those of the query.
absl::StatusOr<std::vector<DdlStep>> CaptureNotNullNames(Transaction& transaction,
                                                         const SwapTables& tables);

}  // namespace syncline::postgres
