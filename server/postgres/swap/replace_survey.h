// Finds what prevents each of the two ways to replace a table: the swap, which puts another table
// in its place (swap.h), and the in-place replace, which changes its rows (in_place.h).
//
// Only reads the catalog; takes no lock above ACCESS SHARE. Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/replace_strategy.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns the first obstacle of each way for `table`; none if the table does not exist. An obstacle
// of the swap is one that makes it fail, such as an object that it cannot bind to another table or
// may not change, or one that makes its result wrong, such as a publication, whose subscribers
// would not receive the new rows. What only the rows of a replace show (values that violate a
// constraint, keys that other tables reference) is not an obstacle here. `keeps_rows`: the replaced
// rows are kept in another table of the schema.
absl::StatusOr<ReplaceObstacles> FindReplaceObstacles(Transaction& transaction,
                                                      const TableName& table, bool keeps_rows);

// Returns the materialized views that read `table` directly and that our role may not refresh, as
// pg_describe_object names them.
absl::StatusOr<std::vector<std::string>> FindStaleViews(Transaction& transaction,
                                                        const TableName& table);

}  // namespace syncline::postgres
