// The ledger's tables and their versioned migrations.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/postgres/database.h"

namespace syncline::postgres {

// Brings the tables of `schema` to this binary's version, under an advisory lock, so that replicas
// that start at once do not meet. A newer ledger is left alone: versions N-1 and N can read it both
// ways.
absl::Status MigrateLedger(Database& database, absl::string_view schema);

}  // namespace syncline::postgres
