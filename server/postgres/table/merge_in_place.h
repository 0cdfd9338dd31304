// The part of a merge that updates rows of a table in place, because triggers or foreign keys
// observe its rows or because it has columns whose values must be kept.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

struct InPlaceCounts {
  int64_t updated = 0;
  int64_t deleted = 0;
};

// Deletes the rows that the merge removes and writes winners into the rows that they replace. The
// table of matches must exist. Rows that exchange values of a unique index of the user are first
// set to NULL there, or, if neither triggers nor foreign keys of the user observe them, are deleted
// and inserted again with all their values. So are all rows that change if the stream has a column
// outside of the key that is GENERATED ALWAYS AS IDENTITY. Errors: FAILED_PRECONDITION
// CONSTRAINT_VIOLATED, which names the index, if neither is possible or if the values belong to
// rows that the merge does not write; FAILED_PRECONDITION TARGET_INCOMPATIBLE if the value of such
// an identity column changes in rows that triggers or foreign keys observe.
absl::StatusOr<InPlaceCounts> ReplaceInPlace(Transaction& transaction, const Merge& merge);

}  // namespace syncline::postgres
