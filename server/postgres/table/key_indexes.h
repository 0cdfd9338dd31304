// The indexes on primary keys that Syncline makes, and the ledger's list of them (table_index).
//
// An index is ours when the ledger lists it with the table and the columns that it has: never by
// its name. One that the user renamed, replaced or dropped is not ours any more. Holds only the
// ledger's schema and so is safe from any thread.
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

  // The plain indexes of `table`, by name. Only reads.
  absl::StatusOr<std::vector<PlainIndex>> Find(Transaction& transaction,
                                               const TableName& table) const;

  // Sees to the index on the primary key that the upsert looks rows up by: makes it when no plain
  // index has these columns, and drops those of ours that are not needed (an earlier key, or a
  // duplicate of another index). Not unique: after a change of the key the table may hold a key
  // twice, and appends must not fail. No index for a table with keys too long for a b-tree. Without
  // a primary key it only drops. To be called after a load, not before it.
  absl::Status Ensure(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
  // Drops those of ours on `table` that have the columns of another plain index.
  absl::Status DropDuplicates(Transaction& transaction, const TableName& table) const;

  // Notes that `index` on `columns` is all that `table` has of ours after it took the place of
  // another; an empty name: nothing. What is listed for `source`, which is gone, goes.
  absl::Status NoteReplaced(Transaction& transaction, const TableName& source,
                            const TableName& table, absl::string_view index,
                            const std::vector<std::string>& columns) const;

 private:
  absl::Status Create(Transaction& transaction, const TableName& table,
                      const TableSchema& schema) const;
  // Drops `index` of ours and its entry.
  absl::Status Drop(Transaction& transaction, const TableName& table,
                    const PlainIndex& index) const;
  absl::Status Note(Transaction& transaction, const TableName& table, absl::string_view index,
                    const std::vector<std::string>& columns) const;
  // Takes entries away that no index of the table answers to.
  absl::Status Correct(Transaction& transaction, const TableName& table,
                       const std::vector<PlainIndex>& indexes) const;
  // `sql` with "$L" replaced by the quoted schema.
  std::string Sql(absl::string_view sql) const;

  const std::string quoted_schema_;
};

// Whether a b-tree takes all keys that `table` holds.
absl::StatusOr<bool> IsKeyIndexable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema);

// A name for the key index of `table` that no other relation of its schema has. Those of `leaving`
// count as free. Errors: ALREADY_EXISTS OBJECT_EXISTS when all names that could be are taken.
absl::StatusOr<std::string> FreeKeyIndexName(Transaction& transaction, const TableName& table,
                                             const std::vector<std::string>& columns,
                                             const std::set<std::string>& leaving);

}  // namespace syncline::postgres
