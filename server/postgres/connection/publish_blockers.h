// Finds the sessions whose locks a stream's work on its table would wait for. Only reads.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/validation.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// What is done to the table, by the access of other sessions that it excludes.
enum class LockNeed {
  kNone,
  kRead,     // reads rows: excludes only changes of the definition
  kLoad,     // adds rows: excludes changes of the definition, builds of indexes and merges
  kWriters,  // a merge: excludes writers and sessions that lock rows
  kReaders,  // a swap: excludes readers, also of views on the table and of tables with foreign keys
             // that point at it
  kReferenced,  // a drop or a change of the definition: as kReaders, and excludes readers of the
                // tables to which the table's foreign keys point
};

// Returns the other sessions that hold or wait for conflicting locks, oldest transaction first.
// Returns none for a missing table.
absl::StatusOr<std::vector<Blocker>> FindBlockers(Transaction& transaction,
                                                  const std::vector<TableName>& tables,
                                                  LockNeed need);

// Returns one text that names up to five of the sessions, with the ages of their transactions.
std::string DescribeBlockers(const std::vector<Blocker>& blockers);

// Makes `transaction` read-only with one snapshot (REPEATABLE READ). Call it before any
// other statement.
absl::Status BeginReadOnly(Transaction& transaction);

}  // namespace syncline::postgres
