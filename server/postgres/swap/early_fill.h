// Fills the materialized views on a target from the loaded table before a swap keeps readers out.
//
// A definition names the target, so the loaded table takes the target's name for a moment, in a
// schema of its own that comes first in the search path, while the views are created there. All of
// it is part of the swap's transaction: no other session sees the schema, and nothing is left if
// the swap fails. Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/dependents.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

struct EarlyFill {
  // Run while the loaded table is locked, before any lock for which readers wait. Afterwards the
  // loaded table has its own name again.
  std::vector<DdlStep> steps;
  FilledViews filled;
  std::vector<DdlStep> finish;  // run at the end of the swap
};

// Plans it for those materialized views that can be filled early. The others are filled in the
// swap: views that also read the target through a plain view, which still shows the old rows; all
// views if names would be ambiguous or our role may not create a schema in the database.
absl::StatusOr<EarlyFill> PlanEarlyFill(Transaction& transaction, const SwapTables& tables,
                                        const Dependents& dependents);

}  // namespace syncline::postgres
