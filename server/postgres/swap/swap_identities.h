// The sequences of a table's identity columns in a swap: the loaded table has its own, which take
// the names and the grants of the target's.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

struct IdentitySteps {
  std::vector<DdlStep> free;  // rename the sequences of a table that is kept
  std::vector<DdlStep> give;  // set names and grants when the old names are free
};

// Returns the steps for the identity columns that both tables have.
absl::StatusOr<IdentitySteps> CaptureIdentities(Transaction& transaction, const SwapTables& tables,
                                                OldTable old_table);

}  // namespace syncline::postgres
