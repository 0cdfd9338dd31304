// The columns of a table as the catalog describes them. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/evolution_plan.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns the columns in table order, without the meta columns. `owned` names those that a stream
// created. Empty for a missing table.
absl::StatusOr<std::vector<TableColumn>> ReadTableColumns(Transaction& transaction,
                                                          const TableName& table,
                                                          const std::set<std::string>& owned);

// Returns whether the current time, as text if need be, can be stored in a column whose base type
// is `base_type` (TableColumn).
absl::StatusOr<bool> TakesTimes(Transaction& transaction, const std::string& base_type);

// Returns the number of columns that PostgreSQL counts, including the meta columns and dropped
// ones; 0 for a missing table.
absl::StatusOr<int64_t> CountAttributes(Transaction& transaction, const TableName& table);

}  // namespace syncline::postgres
