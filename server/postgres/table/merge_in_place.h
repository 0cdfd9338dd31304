// The part of a merge that writes rows of a table that are updated where they are: because triggers
// or foreign keys see its rows, or because it has columns whose values stay.
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

// Takes the rows away that go and puts winners into the rows that they replace; the matches are
// there. Rows that exchange values of a unique index of the user are first set to NULL there, or
// deleted and inserted with all their values where nobody watches. Errors: FAILED_PRECONDITION
// CONSTRAINT_VIOLATED naming the index, when neither can be done or the values are those of rows
// that the merge does not write.
absl::StatusOr<InPlaceCounts> ReplaceInPlace(Transaction& transaction, const Merge& merge);

}  // namespace syncline::postgres
