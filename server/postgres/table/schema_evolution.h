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

// What is done about a stored value that its column's new type cannot take.
enum class CastFailure {
  kRefuse,  // FAILED_PRECONDITION SCHEMA_INCOMPATIBLE, the column and the raw id of an example row
  kNull,    // it becomes NULL, with an entry DESTINATION_TYPECAST_ERROR in the row's meta column
};

// Applies `change` in one ALTER TABLE. Views over a changed or dropped column are re-created as the
// swap does it. Each change of a column is logged.
absl::Status ApplySchemaChange(Transaction& transaction, const TableName& table,
                               const TableSchema& schema, const SchemaChange& change,
                               CastFailure failure = CastFailure::kRefuse);

// Whether a stored value of `table` stands against one of the type changes that `schema` asks for:
// SCHEMA_INCOMPATIBLE, as ApplySchemaChange. Only reads.
absl::Status CheckCasts(Transaction& transaction, const TableName& table,
                        const TableSchema& schema);

struct EvolveOptions {
  // Columns that are dropped when the schema does not have them. All others stay.
  std::set<std::string> drop = {};
  CastFailure failure = CastFailure::kRefuse;
};

// Discover, compute, diff, apply. A no-op when the table has the shape already.
absl::Status EvolveTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const EvolveOptions& options = {});

}  // namespace syncline::postgres
