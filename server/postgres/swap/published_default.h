// Takes the default of `_airbyte_meta` (table/meta_default.h) from a staging table that is about to
// be published. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

// Gives the column of the source the default that it has in the target, or none. For the
// transaction of the swap, so that no published table ever has ours. The source must be locked
// against every other session.
absl::Status RestoreMetaDefault(Transaction& transaction, const SwapTables& tables);

}  // namespace syncline::postgres
