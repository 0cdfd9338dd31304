// Migrates the ledger's tables to this binary's version.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

// Creates what is missing in `schema`, under an advisory lock, so that replicas that start at the
// same time do not interfere. If the tables already have this version, only the right to read them
// is needed, whichever role created them. A newer ledger is left unchanged: servers of versions N-1
// and N can work with each other's ledger. Errors: those of the database, with a missing right
// described by the GRANT that adds it; FAILED_PRECONDITION LEDGER_TOO_NEW if the ledger requires a
// newer server.
absl::Status MigrateLedger(Database& database, absl::string_view schema);

// Checks that this binary may still work with the ledger that it has migrated: a newer server may
// have migrated it further since. Runs one statement. Errors: those of the database;
// LEDGER_TOO_NEW.
absl::Status CheckLedger(Database& database, absl::string_view schema);

}  // namespace syncline::postgres
