// What the ledger knows of names, for good: which table a stream loads, which column a property is
// stored in. The decisions are model/names.h and model/table_columns.h.
//
// `quoted_schema` is the ledger's, as SQL writes it. Each call is one statement, whatever the
// number of streams. Stateless: safe from any thread.
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

// The ledger's entry of a stream.
struct StreamTable {
  // The name is empty when the stream shared its table with another one, which kept it, and has had
  // no table since.
  TableName table;
  // The table that it shared, until a sync has loaded the one that it got instead; else empty.
  std::string split_from;
};

// The entries of `streams`, whose namespaces are resolved (StreamName::stream).
absl::StatusOr<std::map<StreamDescriptor, StreamTable>> ReadStreamTables(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<StreamDescriptor>& streams);

// Adds to `facts` the owners of `tables`, and which of these names a relation or a type has.
absl::Status ReadTableFacts(Transaction& transaction, absl::string_view quoted_schema,
                            const std::vector<TableName>& tables, NameFacts* facts);

// Gives each stream its table. A stream or a table that has an entry keeps it.
absl::Status WriteStreamTables(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<StreamDescriptor, TableName>>& streams);

// What is known of one table's columns.
struct TableColumnFacts {
  std::vector<KnownColumn> known;  // the ledger's entries
  std::set<std::string> existing;  // of the catalog, the meta columns included
};

absl::StatusOr<std::map<TableName, TableColumnFacts>> ReadTableColumnFacts(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<TableName>& tables);

// Adds or changes entries of columns.
absl::Status WriteTableColumns(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<TableName, KnownColumn>>& columns);

}  // namespace syncline::postgres
