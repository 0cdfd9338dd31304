// What a loaded table needs when it arrives in the target's schema: it was created in another one,
// without the privileges that the target's schema gives to a new table.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {

// Returns the steps that move the source to the target's schema, under a name that no other table
// has. No reader waits for them. Returns no step if it is there already.
std::vector<DdlStep> ArrivalSteps(const SwapTables& tables);

// Returns the step that gives the source, after ArrivalSteps, the target's name.
DdlStep NamingStep(const SwapTables& tables);

// Returns the steps that follow NamingStep: the replica identity that a staging table has for a
// publication (staging_protection.h) is reset unless the target has one of its own; and a table
// without a predecessor gets the privileges that default privileges define for a new table of the
// target's schema.
absl::StatusOr<std::vector<DdlStep>> CaptureArrival(Transaction& transaction,
                                                    const SwapTables& tables);

}  // namespace syncline::postgres
