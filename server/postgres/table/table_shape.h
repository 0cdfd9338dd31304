// Checks whether the relation that has a table's name is a table to which Syncline may write.
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct TableShape {
  bool exists = false;  // a relation of any kind, or a type
  // Why it cannot be written to, as part of an error message; empty if it can, or if it is missing.
  std::string problem;
};

// Returns the shapes of `tables` in their order. Runs one query for all of them, and a second one
// if a table is missing.
absl::StatusOr<std::vector<TableShape>> LookUpShapes(Transaction& transaction,
                                                     const std::vector<TableName>& tables);

// Returns OK, or FAILED_PRECONDITION TARGET_INCOMPATIBLE about `table`.
absl::Status CheckShape(const TableName& table, const TableShape& shape);

// Returns NOT_FOUND TABLE_NOT_FOUND about `table`.
absl::Status TableNotFound(const TableName& table);

}  // namespace syncline::postgres
