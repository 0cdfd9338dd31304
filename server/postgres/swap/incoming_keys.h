// Checks the foreign keys of other tables that point at a target before a loaded table replaces it:
// the swap adds them without a check, because checking keeps readers out.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

// Looks for a row that refers to a key that the table `source_oid`, which is going to replace
// `target_oid`, does not have. Takes no locks except those for reading. Constraints that are NOT
// VALID are not checked. A row that is written after the check is found when the constraint is
// validated after the swap. Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS, which names the
// constraint; those of Database::Transact.
absl::Status CheckIncomingKeys(Database& database, int64_t source_oid, int64_t target_oid);

}  // namespace syncline::postgres
