// What a sync does to the definition of its table: decided from the table's columns and from what
// the stream declares. Pure: no I/O, no clock.
//
// Ownership: a column that the ledger does not know as made by a stream belongs to the user and is
// never dropped, retyped or loosened. A type that no stream's column has (varchar(20), an enum) was
// chosen by the user and stays where the stream's values fit it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/column_type.h"
#include "server/model/schema_change.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"

namespace syncline {

// A column as the catalog and the ledger have it.
struct TableColumn {
  std::string name;
  std::string type;        // as format_type() prints it, with its modifier
  std::string base_type;   // of a domain the type under it; otherwise as `type`
  bool text_like = false;  // of a string type, or an enum
  bool owned = false;      // a stream made it
  bool not_null = false;   // also through a primary key or a domain
  bool filled = false;     // gets a value by itself: a default, an identity, generated
  bool generated = false;  // GENERATED ALWAYS AS (expression): takes no values
};

// The table that a stream is about to load.
struct EvolutionInput {
  bool exists = false;
  std::vector<TableColumn> columns;  // in table order, without the meta columns
  // As PostgreSQL counts its columns: with the meta columns and with dropped ones.
  int64_t attributes = 0;
  int64_t table_bytes = 0;
  // The table is made anew and published in place of this one; false when its rows stay.
  bool replaced = false;
  SchemaPolicy policy = SchemaPolicy::kKeep;
  bool inferred = false;  // StreamConfig::inferred_schema
  // A change that rewrites a larger table is refused.
  int64_t max_rewrite_bytes = 0;
};

struct EvolutionPlan {
  // The declared columns as they are going to be in the table.
  TableSchema schema;
  // Added columns in the stream's order, then changed and dropped ones in the table's; for a table
  // that does not exist its creation alone. Added columns have `rewrites` when the table has to be
  // copied for them, because dropped columns leave no room.
  std::vector<SchemaChange> changes;
};

// Errors, all FAILED_PRECONDITION about `table`: SCHEMA_FROZEN (policy FREEZE and any difference;
// metadata `changes`), NO_SHARED_COLUMN (inferred, and no declared column exists),
// COLUMN_NOT_FILLED (a column that the stream does not fill is NOT NULL without a default),
// COLUMN_GENERATED (a declared column takes no values), TABLE_TOO_WIDE (more columns than a table
// can have), REWRITE_TOO_LARGE.
absl::StatusOr<EvolutionPlan> PlanEvolution(const TableName& table, const TableSchema& declared,
                                            const EvolutionInput& input);

// The column as a stream would declare it that takes every value of it.
ColumnSchema SchemaOf(const TableColumn& column);

// Whether the upsert compares values of the column.
bool DecidesWinners(const TableSchema& schema, absl::string_view column);

// The type of the table's column: what format_type() prints of it.
std::string TableTypeOf(const ColumnSchema& column);

// "numeric(10,2)" -> "numeric", "timestamp(3) with time zone" -> "timestamp with time zone".
std::string WithoutModifier(absl::string_view type);

// For people and logs: "adds name bigint", "changes name from bigint to numeric", …
std::string Describe(const SchemaChange& change);

}  // namespace syncline
