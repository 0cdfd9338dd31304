// What is done to tables: create, drop, count, generation id, copy, overwrite (swap), upsert.
//
// Each operation exists on a running Transaction, so that a loader puts several and its ledger
// statement into one. Stateless: safe from any thread. SQL comes from sql_generator.h.
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
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::postgres {

absl::Status CreateNamespace(Transaction& transaction, absl::string_view schema);
absl::StatusOr<bool> NamespaceExists(Transaction& transaction, absl::string_view schema);
// With everything in it: for tests and tools, no RPC calls it.
absl::Status DropNamespace(Transaction& transaction, absl::string_view schema);

// The meta columns, then `schema`'s; no indexes. IF NOT EXISTS: calling it twice is a no-op. After
// a race with another creator Database::Transact runs it again (CreateNamespace too). Errors:
// ALREADY_EXISTS OBJECT_EXISTS when something else has the name, such as a type.
absl::Status CreateTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema);
// Without rows and indexes: the columns of `original`, and what `options` says (sql_generator.h).
absl::Status CreateTableLike(Transaction& transaction, const TableName& table,
                             const TableName& original, const LikeOptions& options);
absl::StatusOr<bool> TableExists(Transaction& transaction, const TableName& table);
// IF EXISTS, never CASCADE.
absl::Status DropTable(Transaction& transaction, const TableName& table);

// On one core, and so is what the transaction reads after it: the others are for those who read the
// table that is about to be replaced.
absl::StatusOr<int64_t> CountRows(Transaction& transaction, const TableName& table);
// Existence comes from the catalog, emptiness from EXISTS: an error is never "empty". False for a
// missing table.
absl::StatusOr<bool> HasRows(Transaction& transaction, const TableName& table);
// Whether `column` of the table, which exists, holds a value in some row.
absl::StatusOr<bool> HasValues(Transaction& transaction, const TableName& table,
                               absl::string_view column);
// The greatest generation id; 0 for a table without the column or without rows. Reads the whole
// table: the ledger knows the generation faster, but only of what Syncline wrote. Errors: NOT_FOUND
// for a missing table; FAILED_PRECONDITION TARGET_INCOMPATIBLE when the column is no bigint.
absl::StatusOr<int64_t> GetGenerationId(Transaction& transaction, const TableName& table);

// INSERT INTO target SELECT FROM source: the meta columns, those of `schema`, and what else both
// have of one type without a default (a column that the stream does not declare any more); the
// source stays. `undeclared` columns, which both have, are filled in the source first. Returns the
// rows copied.
absl::StatusOr<int64_t> CopyTable(Transaction& transaction, const TableName& source,
                                  const TableName& target, const TableSchema& schema,
                                  const std::vector<UndeclaredColumn>& undeclared = {});

struct GenerationBounds {
  int64_t lowest = 0;
  int64_t highest = 0;
};
// Of the rows of a staging table; both 0 without rows. Reads the whole table.
absl::StatusOr<GenerationBounds> GetGenerationBounds(Transaction& transaction,
                                                     const TableName& table);
// Deletes the rows of generations below `minimum`; returns how many.
absl::StatusOr<int64_t> DeleteOlderRows(Transaction& transaction, const TableName& table,
                                        int64_t minimum);

// Deletes the rows whose raw ids are in one of `ranges`; returns how many. Reads the whole table.
absl::StatusOr<int64_t> DeleteRawIdRanges(Transaction& transaction, const TableName& table,
                                          const std::vector<RawIdRange>& ranges);

}  // namespace syncline::postgres
