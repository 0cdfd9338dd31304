// Replaced tables that a swap does not drop: those that are kept as <name>_syncline_old_<n> for a
// manual rollback, and those that are dropped after the swap (replaced_tables.h).
//
// They are identified by a comment that the swap put on them, not by their name alone. Stateless:
// safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/table_members.h"

namespace syncline::postgres {

// The table that was `target`, after it was renamed.
struct ReplacedTable {
  TableName target;
  int64_t oid = 0;
  std::string quoted_name;  // "schema"."name"
  bool keep = false;        // for a rollback; otherwise it is emptied, and dropped after the swap
  bool placed = false;      // by Citus, which renames no constraint
  // Foreign keys to the target that are validated after the swap, each as a JSON array of schema,
  // table and constraint.
  std::vector<std::string> unchecked = {};
};

// The first lines of the comments on replaced tables; the target's name follows. They must not
// change between releases, because they are compared. A second line is a JSON array: the unchecked
// foreign keys.
inline constexpr char kKeptMark[] = "Replaced by syncline, kept for a rollback. Was: ";
inline constexpr char kRetiredMark[] = "Replaced by syncline, to be dropped. Was: ";

// Returns the steps for a table that is not dropped: it is removed from publications, gets its
// comment, and its indexes and statistics in `members` are renamed so that their names are free.
// Its foreign keys to other tables stay until the swap is over, because dropping them locks readers
// of these tables out.
absl::StatusOr<std::vector<DdlStep>> KeepSteps(Transaction& transaction,
                                               const ReplacedTable& replaced,
                                               const std::vector<TableMember>& members);

// Copies the rows of `target`, which is about to be replaced in place, into a new table that is
// kept like one that a swap replaced. It has the columns and NOT NULL constraints, but neither
// indexes nor CHECK constraints, which rows may violate that were there first. Only its owner may
// read it. It is UNLOGGED if a publication covers all tables of the schema.
absl::Status KeepCopy(Transaction& transaction, const TableName& target);

// Drops the kept tables of `target` except the newest `keep`, each in a transaction of its own.
// Errors: as TransactAgainstReaders.
absl::Status PruneKept(Database& database, const LockPolicy& policy, const TableName& target,
                       int keep);

}  // namespace syncline::postgres
