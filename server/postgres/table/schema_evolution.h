// Schema evolution: discover -> compute -> diff -> apply as one ALTER TABLE.
//
// Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// One column as the catalog describes it.
struct DiscoveredColumn {
  std::string name;
  // format_type() with its modifier, such as "numeric(10,2)" or "timestamp with time zone".
  std::string type;
  bool nullable = true;
};

// A table's columns without the meta columns, in table order.
struct DiscoveredTable {
  std::vector<DiscoveredColumn> columns;
};

// The names of the columns that must change so that a table fits a stream's schema.
struct SchemaChange {
  std::vector<std::string> add;
  std::vector<std::string> drop;
  std::vector<std::string> change;
  std::vector<std::string> retain;

  bool IsNoop() const { return add.empty() && drop.empty() && change.empty(); }
};

// Returns the table as the catalog describes it. Errors: NOT_FOUND if it is missing;
// FAILED_PRECONDITION TARGET_INCOMPATIBLE for a table without the meta columns of `meta`, a view or
// a foreign table; MetaMismatch (table_shape.h).
absl::StatusOr<DiscoveredTable> DiscoverTable(Transaction& transaction, const TableName& table,
                                              TableMeta meta = TableMeta::kFull);

// Returns the table that the stream needs. Runs no query.
DiscoveredTable ComputeTable(const TableSchema& schema);

SchemaChange DiffTables(const DiscoveredTable& from, const DiscoveredTable& to);

// What happens to a stored value that its column's new type cannot represent.
enum class CastFailure {
  kRefuse,  // FAILED_PRECONDITION SCHEMA_INCOMPATIBLE with the column and the raw id of one row
  kNull,    // it becomes NULL, with an entry DESTINATION_TYPECAST_ERROR in the row's meta column if
            // it has one
};

// Applies `change` in one ALTER TABLE. Views that read a changed or dropped column, and other
// objects that prevent a change of type, are dropped before it and created again after it
// (dependents.h, column_dependents.h). Logs each change of a column. Errors: FAILED_PRECONDITION
// DEPENDENT_OBJECTS if something that depends on a column does not allow the change.
absl::Status ApplySchemaChange(Transaction& transaction, const TableName& table,
                               const TableSchema& schema, const SchemaChange& change,
                               CastFailure failure = CastFailure::kRefuse);

// Checks whether a stored value of `table` prevents one of the type changes that `schema` requires.
// Read-only. Errors: SCHEMA_INCOMPATIBLE, as ApplySchemaChange.
absl::Status CheckCasts(Transaction& transaction, const TableName& table,
                        const TableSchema& schema);

struct EvolveOptions {
  // Columns that are dropped if the schema does not have them. All others are kept.
  std::set<std::string> drop = {};
  CastFailure failure = CastFailure::kRefuse;
};

// Discovers, computes, diffs and applies. Does nothing if the table already has the shape.
absl::Status EvolveTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const EvolveOptions& options = {});

}  // namespace syncline::postgres
