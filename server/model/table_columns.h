// Which column each property of a stream is stored in, given what the ledger and the catalog have.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace syncline {

// One entry of the ledger: for good.
struct KnownColumn {
  std::string input_name;
  std::string column_name;
  bool owned = false;  // a stream made it, else the user did

  friend bool operator==(const KnownColumn& a, const KnownColumn& b) {
    return a.input_name == b.input_name && a.column_name == b.column_name && a.owned == b.owned;
  }
};

struct ColumnAssignment {
  std::vector<std::string> columns;  // one per property, in their order
  // Entries that the ledger lacks, and those whose mark changes.
  std::vector<KnownColumn> changed;
};

// `known` are the entries of the table, `existing` the columns that the table has.
//
// A property that the ledger knows keeps its column. A new one takes the column of its name, also
// when the user made it, unless another property has it (names.h). A column that exists without an
// entry is the user's; one that is missing is the stream's when the stream declares it, and
// otherwise nobody's: whoever makes it next owns it.
ColumnAssignment AssignColumns(const std::vector<std::string>& properties,
                               const std::vector<KnownColumn>& known,
                               const std::set<std::string>& existing);

}  // namespace syncline
