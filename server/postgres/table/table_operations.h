// Operations on tables: create, drop, count, copy, generation ids, and deletion of rows. The upsert
// is in upsert.h, the swap in swap/.
//
// Each operation runs in a running Transaction, so that a loader can combine several with its
// ledger statement. Stateless: safe from any thread. The SQL comes from sql_generator.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/raw_id.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::postgres {

absl::Status CreateNamespace(Transaction& transaction, absl::string_view schema);
absl::StatusOr<bool> NamespaceExists(Transaction& transaction, absl::string_view schema);
// Drops the schema with everything in it. For tests and tools; no RPC calls it.
absl::Status DropNamespace(Transaction& transaction, absl::string_view schema);

// Creates a table with the meta columns, then those of `schema`, without indexes. Does nothing if
// the table exists. After a race with another creator, Database::Transact runs it again
// (CreateNamespace, too). Errors: ALREADY_EXISTS OBJECT_EXISTS if something else has the name, such
// as a type.
absl::Status CreateTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const std::string& meta_default = {});
struct NewTable {
  const TableName* name;
  const TableSchema* schema;
  std::string meta_default = {};  // of `_airbyte_meta` (meta_default.h); empty if it has none
};
// Creates tables as CreateTable does, all of them in one message.
absl::Status CreateTables(Transaction& transaction, const std::vector<NewTable>& tables);
// Creates a table with the columns of `original` and what `options` selects (sql_generator.h),
// without rows and indexes.
absl::Status CreateTableLike(Transaction& transaction, const TableName& table,
                             const TableName& original, const LikeOptions& options);
absl::StatusOr<bool> TableExists(Transaction& transaction, const TableName& table);
// Uses IF EXISTS and never CASCADE.
absl::Status DropTable(Transaction& transaction, const TableName& table);

// Locks a staging table, which must exist, against every other session. Waits for longer than for a
// user's table: no session of the user queues behind the lock, and an autovacuum in the way is
// cancelled. Every row of it that was acknowledged is visible afterwards (SettleRows). Later waits
// of the transaction are bounded by the policy's timeout.
absl::Status LockStagingTable(Transaction& transaction, const LockPolicy& policy,
                              const TableName& table);
// Drops a staging table, if it exists, and waits for its lock as LockStagingTable does. Waits for
// the tables to which its foreign keys refer are bounded by the policy's timeout.
absl::Status DropStagingTable(Transaction& transaction, const LockPolicy& policy,
                              const TableName& table);
// Locks a target for a merge: against writers and sessions that lock rows, not against readers. No
// statement of the merge waits for a user's session after it, except for rows of other tables.
absl::Status LockForMerge(Transaction& transaction, const TableName& table);

// Counts the rows. Disables parallel workers for the rest of the transaction, to leave CPU to
// readers of the table that is about to be replaced.
absl::StatusOr<int64_t> CountRows(Transaction& transaction, const TableName& table);
// Returns false for a missing table. Existence comes from the catalog and emptiness from EXISTS, so
// an error is never reported as "empty".
absl::StatusOr<bool> HasRows(Transaction& transaction, const TableName& table);
// Returns whether `column` of the table, which must exist, has a value in some row.
absl::StatusOr<bool> HasValues(Transaction& transaction, const TableName& table,
                               absl::string_view column);
// Returns the highest generation id; 0 for a table without the column or without rows. Reads the
// whole table. The ledger gives the generation faster, but only of what Syncline wrote. Errors:
// NOT_FOUND for a missing table; FAILED_PRECONDITION TARGET_INCOMPATIBLE if the column is not a
// bigint.
absl::StatusOr<int64_t> GetGenerationId(Transaction& transaction, const TableName& table);

// INSERT INTO target SELECT FROM source with the meta columns, those of `schema`, and other columns
// that both tables have with the same type and the target has without a default (columns that the
// stream no longer declares). The source is kept. `undeclared` columns, which both tables have, are
// filled in the source first; without raw ids the rows that lack them are not known, so they keep
// what they have. Returns the number of rows copied.
absl::StatusOr<int64_t> CopyTable(Transaction& transaction, const TableName& source,
                                  const TableName& target, const TableSchema& schema,
                                  const std::vector<UndeclaredColumn>& undeclared = {});

struct GenerationBounds {
  int64_t lowest = 0;
  int64_t highest = 0;
};
// Returns the bounds of the rows of a staging table; both are 0 without rows. Reads the whole
// table.
absl::StatusOr<GenerationBounds> GetGenerationBounds(Transaction& transaction,
                                                     const TableName& table);
// Deletes the rows of generations lower than `minimum` and returns their number.
absl::StatusOr<int64_t> DeleteOlderRows(Transaction& transaction, const TableName& table,
                                        int64_t minimum);

// Sets `column` to the time of the transaction in the rows of generations lower than `generation`
// in which it is NULL, and returns their number. Reads the whole table.
absl::StatusOr<int64_t> MarkDeletedRows(Transaction& transaction, const TableName& table,
                                        const ColumnSchema& column, int64_t generation);

// Deletes the rows whose raw ids are in one of `ranges` and returns their number. Reads the whole
// table.
absl::StatusOr<int64_t> DeleteRawIdRanges(Transaction& transaction, const TableName& table,
                                          const std::vector<RawIdRange>& ranges);

}  // namespace syncline::postgres
