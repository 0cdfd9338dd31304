// What a swap refuses to change, found in the catalog before anything is changed.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Checks that `target` (oid) is a table that can be replaced by another one, which has the meta
// columns of `source` (oid) if that is not 0, and that nothing depends on it that cannot be bound
// to another table. Errors: as CheckCarriable.
absl::Status CheckReplaceable(Transaction& transaction, int64_t target, int64_t source = 0);

// Checks that everything that depends on `target` (oid) can be carried over to `source` (oid).
// Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE if the target is not a plain table with the meta
// columns of `source`, or if one of its columns is generated or an identity and that of `source` is
// not; FAILED_PRECONDITION DEPENDENT_OBJECTS if something that cannot be bound to another table
// depends on it (a function with a SQL body, a rule of another table, a column of its row type), or
// if something needs a column that `source` lacks. The message names the object.
absl::Status CheckCarriable(Transaction& transaction, int64_t target, int64_t source);

// Returns what is lost with the columns that `source` lacks, as DROP COLUMN would drop it: columns,
// indexes, constraints, statistics; and the invalid indexes of `target`.
absl::StatusOr<std::vector<std::string>> FindLeftOut(Transaction& transaction, int64_t target,
                                                     int64_t source);

// Call it before the transaction's first Fingerprint, so that the last one, for which readers wait,
// needs no planning.
absl::Status PrepareFingerprint(Transaction& transaction);
// Returns a value that changes whenever something that depends on `target` changes and no lock on
// the table prevents that: grants, dependents, the definitions of views.
absl::StatusOr<std::string> Fingerprint(Transaction& transaction, int64_t target);
// Returns a statement that fails (division_by_zero) if the fingerprint is no longer `expected`.
std::string CheckFingerprintSql(int64_t target, absl::string_view expected);

}  // namespace syncline::postgres
