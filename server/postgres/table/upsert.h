// Upsert: merges the newest row of each primary key from a staging table into the target.
//
// Of the rows with one key, the newest is the one with the highest cursor (null is the lowest),
// then the latest `_airbyte_extracted_at`, then the last to arrive (`_airbyte_raw_id` in byte
// order, then its position in the table). Against a stored row, only the cursor and
// `_airbyte_extracted_at` decide, so that upserting the same rows again changes nothing. Keys are
// equal if their columns have equal values; text is compared byte by byte whatever the collation
// is, and nulls are equal to each other. Text cursors are compared byte by byte, too. A merged row
// keeps the values of every column that `schema` does not have, except as undeclared_columns.h
// describes. A stored row that is not beaten remains unchanged; only its generation can be raised
// (UpsertOptions::marking_generation). If an earlier key left several rows with one key, they are
// removed when that key gets a newer row.
//
// Stateless: safe from any thread. Blocks other writers of the target, and sessions that lock its
// rows, until the transaction ends; readers continue.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/upsert_options.h"

namespace syncline::postgres {

struct UpsertCounts {
  int64_t written = 0;  // rows that were written into the target
  int64_t removed = 0;  // stored rows that were replaced or deleted
  int64_t raised = 0;   // stored rows of which only the generation changed
};

// What publishing would change in a table.
struct RowChanges {
  int64_t inserted = 0;  // rows of keys that the table does not have
  int64_t updated = 0;   // rows that replace the stored ones of their key
  int64_t deleted = 0;   // stored rows that are not replaced: deleted by CDC, or key duplicates
};

// `schema` is that of both tables and has a primary key. `source` is only read, except that its
// undeclared columns are filled. The target's index is the caller's task (key_indexes.h). Requires
// the right to create temporary tables in the database. Errors: INVALID_ARGUMENT MISSING_PK; those
// of the transaction.
absl::StatusOr<UpsertCounts> UpsertTable(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema,
                                         const UpsertOptions& options);

// Returns what UpsertTable would do now. Both tables must exist. `target_rows`, if not empty, is a
// subquery with the target's rows as they would be before the merge: key, cursor and
// _airbyte_extracted_at. Read-only; takes no locks except those for reading. Errors: as
// UpsertTable.
absl::StatusOr<RowChanges> CountUpsert(Transaction& transaction, const TableName& source,
                                       const TableName& target, const TableSchema& schema,
                                       const UpsertOptions& options,
                                       const std::string& target_rows = {});

// Keeps the newest row of each key in `table` and deletes the others; with kHard, also deletes
// those that CDC marks as deleted. A staging table needs this before it replaces a deduplicated
// target. Returns the number of deleted rows. Errors: as UpsertTable.
absl::StatusOr<int64_t> DedupeTable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema, const UpsertOptions& options);

}  // namespace syncline::postgres
