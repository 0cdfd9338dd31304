// The indexes on primary keys that Syncline creates, and the ledger's list of them (table_index).
//
// An index is ours if the ledger lists it with the table and the columns that it has; its name
// alone never decides. An index that the user renamed, replaced or dropped is no longer ours. Holds
// only the ledger's schema, so it is safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// A plain index of a table: valid, b-tree, neither partial nor over expressions, in the collations
// of its columns.
struct PlainIndex {
  std::string name;
  std::vector<std::string> columns;
  bool ours = false;
};

class KeyIndexes {
 public:
  explicit KeyIndexes(absl::string_view ledger_schema);

  // Returns the plain indexes of `table` by name, the user's before ours. Read-only.
  absl::StatusOr<std::vector<PlainIndex>> Find(Transaction& transaction,
                                               const TableName& table) const;

  // Maintains the index on the primary key, by which the upsert finds rows. Creates it if no plain
  // index has these columns, and drops those of our indexes that are not needed (for an earlier
  // key, or a duplicate of another index). The index is not unique: after a change of the key the
  // table may hold a key twice, and appends must not fail. None is created if the table holds keys
  // that are too long for a b-tree. Without a primary key the call only drops. Call it after a
  // load, not before.
  absl::Status Ensure(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
  // Drops those of our indexes on `table` that have the columns of another plain index.
  absl::Status DropDuplicates(Transaction& transaction, const TableName& table) const;

  // Records that `index` on `columns` is our only index on `table` after `source` took its place;
  // an empty name means that there is none. Deletes the entries of `source`, which no longer
  // exists.
  absl::Status RecordReplacement(Transaction& transaction, const TableName& source,
                                 const TableName& table, absl::string_view index,
                                 const std::vector<std::string>& columns) const;

 private:
  absl::Status Create(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
  // Drops `index`, which is ours, and its entry.
  absl::Status Drop(Transaction& transaction, const TableName& table,
                    const PlainIndex& index) const;
  absl::Status Note(Transaction& transaction, const TableName& table, absl::string_view index,
                    const std::vector<std::string>& columns) const;
  // Deletes the entries of `table` that none of `indexes` matches.
  absl::Status Correct(Transaction& transaction, const TableName& table,
                       const std::vector<PlainIndex>& indexes) const;
  // Returns `sql` with "$L" replaced by the quoted schema.
  std::string Sql(absl::string_view sql) const;

  const std::string quoted_schema_;
};

// Returns whether a b-tree accepts all keys that `table` holds.
absl::StatusOr<bool> IsKeyIndexable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema);

// Returns a name for the key index of `table` that no other relation of its schema has. Names in
// `leaving` count as free. Errors: ALREADY_EXISTS OBJECT_EXISTS if all candidate names are taken.
absl::StatusOr<std::string> FreeKeyIndexName(Transaction& transaction, const TableName& table,
                                             const std::vector<std::string>& columns,
                                             const std::set<std::string>& leaving);

}  // namespace syncline::postgres
