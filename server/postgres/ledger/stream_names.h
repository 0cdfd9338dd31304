// The names that the ledger keeps permanently: the table that a stream loads, and the column in
// which a property is stored. model/names.h and model/table_columns.h decide them.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. The number of statements does not depend
// on the number of streams. Stateless: safe from any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/name_collisions.h"
#include "server/model/stream.h"
#include "server/model/table_columns.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// The ledger's entry for a stream.
struct StreamTable {
  // The name is empty if the stream shared its table with another stream, which kept the table, and
  // this stream has had none since.
  TableName table;
  // The table that it shared, until a sync has loaded the stream's own table; otherwise empty.
  std::string split_from;
};

// Returns the entries of `streams`, whose namespaces are resolved (StreamName::stream).
absl::StatusOr<std::map<StreamDescriptor, StreamTable>> ReadStreamTables(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<StreamDescriptor>& streams);

// Adds to `facts` the owners of `tables`, and which of these names a relation or a type already
// has.
absl::Status ReadTableFacts(Transaction& transaction, absl::string_view quoted_schema,
                            const std::vector<TableName>& tables, NameFacts* facts);

// Assigns a table to each stream. A stream that already has a table keeps it.
absl::Status WriteStreamTables(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<StreamDescriptor, TableName>>& streams);

// What is known about one table's columns.
struct TableColumnFacts {
  std::vector<KnownColumn> known;  // the ledger's entries
  std::set<std::string> existing;  // in the catalog, including the meta columns
};

absl::StatusOr<std::map<TableName, TableColumnFacts>> ReadTableColumnFacts(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<TableName>& tables);

// Inserts or updates the entries of columns.
absl::Status WriteTableColumns(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<TableName, KnownColumn>>& columns);

}  // namespace syncline::postgres
