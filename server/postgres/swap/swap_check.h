// What a swap refuses to touch, found in the catalog before anything changed.
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

// Whether everything that hangs on `target` (oid) can be carried over to `source` (oid).
// FAILED_PRECONDITION TARGET_INCOMPATIBLE: the target is no plain table with the meta columns, or
// one of its columns is generated or an identity and that of `source` is not. DEPENDENT_OBJECTS:
// something that cannot be bound to another table depends on it (a function with a SQL body, a
// rule, a column of its row type), or something needs a column that `source` lacks. The message
// names the object.
absl::Status CheckCarriable(Transaction& transaction, int64_t target, int64_t source);

// What goes with columns that `source` lacks, as DROP COLUMN would take it: columns, indexes,
// constraints, statistics.
absl::StatusOr<std::vector<std::string>> FindLeftOut(Transaction& transaction, int64_t target,
                                                     int64_t source);

// Before the transaction's first Fingerprint, so that the last one, for which readers wait, is not
// planned any more.
absl::Status PrepareFingerprint(Transaction& transaction);
// Changes whenever something that hangs on `target` does and is not kept from it by a lock on the
// table: grants, dependents, the views' definitions.
absl::StatusOr<std::string> Fingerprint(Transaction& transaction, int64_t target);
// A statement that fails (division_by_zero) when the fingerprint is not `expected` any more.
std::string CheckFingerprintSql(int64_t target, absl::string_view expected);

}  // namespace syncline::postgres
