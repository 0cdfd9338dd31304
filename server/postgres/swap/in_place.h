// The in-place replace: the rows of the target give way to the staged ones in one transaction, and
// the table stays the same. Readers see the old rows until it commits and are never blocked; the
// user's triggers fire; logical replication carries the changes.
//
// Other writers of the table, and sessions that lock its rows, wait until the transaction ends.
// Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct ReplaceCounts {
  int64_t inserted = 0;
  int64_t updated = 0;
  int64_t deleted = 0;
  int64_t rows = 0;  // that the table has now
  // Only the difference was applied: rows that are the same were not touched, and keep their meta
  // columns. At least one row has the new generation.
  bool by_difference = false;
};

// Replaces the rows of `target`, which LockForMerge (table_operations.h) has locked, its partitions
// and its children with those of `staging`, which is only read. Both have the columns of `schema`
// with the same types. Every column that both have gets the staged value, except generated ones; a
// column that only the target has gets its default.
//
// With foreign keys of other tables on the target, or if `schema` has a primary key and less than a
// third of the rows differ, only the difference is applied; otherwise all rows are deleted and
// inserted. With such foreign keys the right to create temporary tables is required.
//
// Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS if referenced keys would vanish (referenced_rows.h)
// or if a publication does not allow the statements, TARGET_INCOMPATIBLE if a trigger keeps old
// rows or if the staged rows violate a constraint or index, which is named; those of the
// transaction.
absl::StatusOr<ReplaceCounts> ReplaceRows(Transaction& transaction, const TableName& staging,
                                          const TableName& target, const TableSchema& schema);

}  // namespace syncline::postgres
