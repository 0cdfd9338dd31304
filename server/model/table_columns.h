// Assigns a column to each property of a stream, from the entries of the ledger and the columns of
// the table.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace syncline {

// One entry of the ledger's table_column. The assignment of the column is permanent.
struct KnownColumn {
  std::string input_name;
  std::string column_name;
  bool owned = false;  // created by a stream, otherwise by the user

  friend bool operator==(const KnownColumn& a, const KnownColumn& b) {
    return a.input_name == b.input_name && a.column_name == b.column_name && a.owned == b.owned;
  }
};

struct ColumnAssignment {
  std::vector<std::string> columns;  // one per property, in the same order
  // Entries that the ledger does not have yet, and entries whose `owned` changes.
  std::vector<KnownColumn> changed;
};

// Assigns the columns. `known` has the ledger's entries of the table, `existing` the columns of the
// table.
//
// A property with an entry keeps its column. A new property gets the column of its name, even if
// the user created it, unless another property has it (names.h). A column that exists without an
// entry belongs to the user. A column that does not exist belongs to the stream if the stream
// declares it; otherwise it becomes unowned, and the next creator owns it.
ColumnAssignment AssignColumns(const std::vector<std::string>& properties,
                               const std::vector<KnownColumn>& known,
                               const std::set<std::string>& existing);

}  // namespace syncline
