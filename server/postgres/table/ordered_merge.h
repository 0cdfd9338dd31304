// Upsert of rows that are stored in the order of their key, in both tables. upsert.h calls it and
// has the rules; internal to table/.
//
// The general upsert reads the target once to note the matches and once to delete rows. Here, one
// statement does both: it searches the index for the keys, one after another, and finds them on
// pages that it has just read. That is faster only if neighbours in the source are neighbours in
// the target. It cannot note which winners have stored rows that they do not beat; if there is one,
// the general upsert repeats the work.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/upsert_sql.h"
#include "server/postgres/table/upsert.h"

namespace syncline::postgres {

// Merges `staged_rows` rows, whose keys have the null patterns. Returns nullopt, and has changed
// nothing, if the tables are not in order, the rows are more than half of the target's, a replaced
// row would have to be updated, or a winner does not beat a stored row. The key of the source must
// have been sampled. Errors: those of the transaction.
absl::StatusOr<std::optional<UpsertCounts>> MergeInOrder(Transaction& transaction,
                                                         const Merge& merge,
                                                         const std::vector<NullPattern>& patterns,
                                                         int64_t staged_rows);

}  // namespace syncline::postgres
