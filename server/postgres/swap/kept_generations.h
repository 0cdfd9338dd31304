// Replaced tables that a swap keeps as <name>_syncline_old_<n> for a manual rollback.
//
// They are identified by a comment that the swap put on them, not by their name alone. Stateless:
// safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/table_members.h"

namespace syncline::postgres {

// Returns the steps that keep `old` (its oid; it is now called `away`, quoted), the table that was
// `target`: it is removed from publications and loses its foreign keys, and the indexes and
// statistics in `members` are renamed so that their names are free.
absl::StatusOr<std::vector<DdlStep>> KeepSteps(Transaction& transaction, const TableName& target,
                                               int64_t old, const std::string& away,
                                               const std::vector<TableMember>& members);

struct PruneOptions {
  int keep = 0;  // number of the newest kept tables that stay
  absl::Duration lock_timeout;
};

// Drops the older kept tables of `target`. Errors: as Database::Transact.
absl::Status PruneKept(Database& database, const TableName& target, const PruneOptions& options);

}  // namespace syncline::postgres
