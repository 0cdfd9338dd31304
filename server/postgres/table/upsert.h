// Upsert: brings the newest row of each primary key from a temp table into the final one.
//
// Of rows with one key the newest is the one with the greatest cursor (null is the least), then the
// latest
// `_airbyte_extracted_at`, then the last to arrive (`_airbyte_raw_id` in byte order, then its place
// in the table). Against a stored row cursor and `_airbyte_extracted_at` alone decide, so that
// upserting the same rows again changes nothing. Keys are equal by the value of their columns'
// types, texts byte by byte whatever the collation is, and nulls are equal to each other. Texts as
// cursors compare byte by byte, too. A merged row keeps the values of every column that `schema`
// does not have, but for what undeclared_columns.h says. A stored row that is not beaten is not
// touched. Where an earlier key left several rows of one key, they go once that key gets a newer
// row.
//
// Stateless: safe from any thread. Keeps other writers of the target out until the transaction
// ends; readers go on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::postgres {

struct UpsertOptions {
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  // Memory for each sort and hash, as PostgreSQL writes it; a greater setting of the server stays.
  std::string work_mem = "64MB";
  // Columns that both tables have and `schema` has not.
  std::vector<UndeclaredColumn> undeclared = {};
};

struct UpsertCounts {
  int64_t inserted = 0;  // rows of keys that the target did not have
  int64_t updated = 0;   // rows that took the place of the stored ones of their key
  int64_t deleted = 0;   // stored rows that went and were not replaced: by CDC, or of a key twice

  // Rows that came into the target.
  int64_t written() const { return inserted + updated; }
};

// `schema` is that of both tables and has a primary key. `source` is only read, and
// its undeclared columns filled. The
// target's index is the caller's (key_indexes.h). Needs the right to create temporary tables in the
// database.
// Errors: INVALID_ARGUMENT MISSING_PK; those of the transaction.
absl::StatusOr<UpsertCounts> UpsertTable(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema,
                                         const UpsertOptions& options);

// What UpsertTable would do now; both tables exist. `target_rows`, when it is not empty, is a
// subquery with the target's rows as they would be before the merge: key, cursor and
// _airbyte_extracted_at. Only reads and takes no lock but for reading. Errors: as UpsertTable.
absl::StatusOr<UpsertCounts> CountUpsert(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema,
                                         const UpsertOptions& options,
                                         const std::string& target_rows = {});

// Leaves the newest row of each key in `table`, and with kHard none that CDC marks as deleted: what
// a temp table needs before it takes the place of a deduplicated one. Returns how many rows went.
// Errors: as UpsertTable.
absl::StatusOr<int64_t> DedupeTable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema, const UpsertOptions& options);

}  // namespace syncline::postgres
