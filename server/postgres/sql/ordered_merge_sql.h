// The statements of an upsert of rows that are stored in the order of their key, in both tables.
// Pure functions; ordered_merge.h describes how they work together.
#pragma once

#include <string>

#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

// $1, $2: schema and name of the target; $3, $4: of the source; $5: the columns of the key. Returns
// one row: whether the rows of both tables are mostly in the order of the key's first column
// (`ordered`), whether a valid B-tree index of the target, which compares as the columns do, begins
// with the columns of the key (`indexed`), and the estimated number of rows in the target
// (`rows`). No row if the target is missing.
extern const char kKeyOrderSql[];

// Forgets what RemoveBeatenInOrderSql has noted.
extern const char kForgetUnbeatenSql[];
// Returns one boolean: whether RemoveBeatenInOrderSql has met a stored row that is not beaten.
extern const char kHasUnbeatenSql[];

// Deletes the stored rows that are beaten, of winners whose key has the null pattern, and notes
// whether there is a stored row that is not. `merge.winners` must be kInSource. Run
// kFetchByPlaceSql before it, which makes the planner search the index of the target.
std::string RemoveBeatenInOrderSql(const Merge& merge, const NullPattern& nulls);

}  // namespace syncline::postgres
