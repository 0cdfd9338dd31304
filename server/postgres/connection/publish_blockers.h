// Who holds the locks that a stream's work on its table would wait for. Only reads.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/validation.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// What is done to the table, by whom it keeps out.
enum class LockNeed {
  kNone,
  kRead,     // nobody: its rows are read
  kWriters,  // a merge or a copy
  kReaders,  // a swap or a change of the table's definition; also out of views on the table and of
             // tables that foreign keys join it to
};

// The other sessions that hold, or queue for, locks that are in the way, the oldest first. A
// missing table has none.
absl::StatusOr<std::vector<Blocker>> FindBlockers(Transaction& transaction,
                                                  const std::vector<TableName>& tables,
                                                  LockNeed need);

// Makes the transaction, which has just begun, one that changes nothing and reads one state.
absl::Status BeginReadOnly(Transaction& transaction);

}  // namespace syncline::postgres
