// Whether what stands under a table's name is a table that Syncline may write to. Stateless: safe
// from any thread.
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
  // Why it cannot be written to, for people; empty when it can or when it is missing.
  std::string problem;
};

// One query for all of `tables`; answers in their order.
absl::StatusOr<std::vector<TableShape>> LookUpShapes(Transaction& transaction,
                                                     const std::vector<TableName>& tables);

// OK, or FAILED_PRECONDITION TARGET_INCOMPATIBLE about `table`.
absl::Status CheckShape(const TableName& table, const TableShape& shape);

// NOT_FOUND TABLE_NOT_FOUND about `table`.
absl::Status TableNotFound(const TableName& table);

}  // namespace syncline::postgres
