// Schema evolution: discover -> compute -> diff -> apply as one ALTER TABLE.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

// One column as the catalog has it.
struct DiscoveredColumn {
  std::string name;
  std::string
      type;  // format_type() with its modifier, e.g. "numeric(10,2)" or "timestamp with time zone"
  bool nullable = true;
};

// A table's columns without the meta columns, in table order.
struct DiscoveredTable {
  std::vector<DiscoveredColumn> columns;
};

// What turns a table into the shape of a stream's schema. Column names.
struct SchemaChange {
  std::vector<std::string> add;
  std::vector<std::string> drop;
  std::vector<std::string> change;
  std::vector<std::string> retain;

  bool IsNoop() const { return add.empty() && drop.empty() && change.empty(); }
};

// The table as it is. Errors: NOT_FOUND when missing; FAILED_PRECONDITION TARGET_INCOMPATIBLE for a
// table without the meta columns, a view, a foreign table or a partitioned parent.
absl::StatusOr<DiscoveredTable> DiscoverTable(Transaction& transaction, const TableName& table);

// The table as the stream wants it; no query.
DiscoveredTable ComputeTable(const TableSchema& schema);

SchemaChange DiffTables(const DiscoveredTable& from, const DiscoveredTable& to);

// Applies `change` in one ALTER TABLE. Views over a changed or dropped column are re-created as the
// swap does it; a cast that a stored value cannot take is found beforehand and refused with
// FAILED_PRECONDITION SCHEMA_INCOMPATIBLE, the column and the raw id of an example row.
absl::Status ApplySchemaChange(Transaction& transaction, const TableName& table,
                               const TableSchema& schema, const SchemaChange& change);

// Makes `schema` fit where that is all it takes: a column that is text in `table` and holds a value
// which its new type cannot take stays text, so that nothing is refused; new values are printed
// into it. Not a column of the primary key or the cursor: text sorts and compares in another way.
// Only reads.
absl::Status KeepAsText(Transaction& transaction, const TableName& table, TableSchema* schema);

// Discover, compute, diff, apply. A no-op when the table has the shape already.
absl::Status EvolveTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema);

}  // namespace syncline::postgres
