// The indexes on primary keys that Syncline creates, and the ledger's list of them (table_index).
//
// An index is ours if the ledger lists it with the table and the columns that it has; its name
// alone never decides. An index that the user renamed, replaced or dropped is no longer ours. Holds
// only the ledger's schema, so it is safe from any thread.
#pragma once

#include <optional>
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

  // Creates the index on the primary key, by which the upsert finds rows, if there is a key and no
  // plain index has its columns. The index is not unique: after a change of the key the table may
  // hold a key twice, and appends must not fail. None is created if the table holds keys that are
  // too long for a b-tree. Call it after a load, not before. Readers continue.
  absl::Status Ensure(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
  // Returns whether the ledger lists an index of `table`. Fast, also for many tables.
  absl::StatusOr<bool> ListsAny(Transaction& transaction, const TableName& table) const;
  // Drops those of our indexes that are not needed: duplicates of another plain index, and with
  // `key` also those on other columns. Dropping locks readers of the table out until the
  // transaction ends, so it belongs in a transaction of its own (TransactAgainstReaders).
  absl::Status DropUnneeded(Transaction& transaction, const TableName& table,
                            const std::optional<std::vector<std::string>>& key) const;

  // Records that `index` on `columns` is our only index on `table` after `source` took its place;
  // an empty name means that there is none. Deletes the entries of `source`, which no longer
  // exists.
  absl::Status RecordReplacement(Transaction& transaction, const TableName& source,
                                 const TableName& table, absl::string_view index,
                                 const std::vector<std::string>& columns) const;

 private:
  absl::Status Create(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
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
