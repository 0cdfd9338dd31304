// Keeps the default of `_airbyte_meta` (table/meta_default.h) out of a table that is published.
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

// Gives the column of the source the default that it has in the target, or none. For the
// transaction of the swap, so that no published table ever has ours. The source must be locked
// against every other session.
absl::Status RestoreMetaDefault(Transaction& transaction, const SwapTables& tables);

// Returns the steps that drop the default from the new table after the properties of the target
// have been given to it: an append that was cancelled or cut off may have left it in the target.
absl::StatusOr<std::vector<DdlStep>> DropLeftMetaDefault(Transaction& transaction,
                                                         const SwapTables& tables);

}  // namespace syncline::postgres
