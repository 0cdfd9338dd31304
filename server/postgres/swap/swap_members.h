// The indexes, constraints and statistics that a loaded table must have before it takes the
// target's place: those that the user made on the target, and our index on the primary key.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/table_members.h"
#include "server/postgres/table/key_indexes.h"

namespace syncline::postgres {

struct SwapTables;

// The index on the primary key that the published table gets. Both pointers must outlive the swap.
// If they are null, there is none, and every index of the target is the user's.
struct SwapKeyIndex {
  const KeyIndexes* indexes = nullptr;
  const TableSchema* schema = nullptr;  // of the loaded table
};

struct SwapMembers {
  std::vector<TableMember> wanted;
  std::vector<TableMember> built;  // what the loaded table has
  std::vector<TableMember> ours;   // our indexes on the target, which are not carried over
  std::string key_index;           // the final name of our index in `wanted`; empty if it has none
};

// With `prepared` the loaded table is not scanned again, and our index is wanted if it was built.
// Errors: those of FreeKeyIndexName.
absl::StatusOr<SwapMembers> CaptureSwapMembers(Transaction& transaction, const SwapTables& tables,
                                               const SwapKeyIndex& key, bool prepared);

}  // namespace syncline::postgres
