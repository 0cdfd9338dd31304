// Brings the ledger's tables to this binary's version.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

// Makes what is missing in `schema`, under an advisory lock, so that replicas that start at once do
// not meet. Where the tables are of this version already, whoever made them, nothing but the right
// to read them is needed. A newer ledger is left alone: versions N-1 and N can read it both ways.
// Errors: those of the database, a missing right with the GRANT that mends it; FAILED_PRECONDITION
// LEDGER_TOO_NEW when the ledger says that this binary is too old for it.
absl::Status MigrateLedger(Database& database, absl::string_view schema);

// Whether this binary may still work with the ledger that it has migrated: a newer server may have
// brought it further since. One statement. Errors: those of the database; LEDGER_TOO_NEW.
absl::Status CheckLedger(Database& database, absl::string_view schema);

}  // namespace syncline::postgres
