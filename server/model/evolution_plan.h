// Plans the changes that a sync makes to the definition of its table, from the table's columns and
// the columns that the stream declares. Pure functions.
//
// Ownership: a column that the ledger does not record as created by a stream belongs to the user
// and is never dropped, retyped or loosened. A type that streams do not create (varchar(20), an
// enum) was chosen by the user and stays if the stream's values fit it.
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

// A column, described by the catalog and the ledger.
struct TableColumn {
  std::string name;
  std::string type;        // as format_type() prints it, with its modifier
  std::string base_type;   // the base type of a domain; otherwise the same as `type`
  bool text_like = false;  // a string type or an enum
  bool text_form = false;  // the binary form of the base type is its text
  bool owned = false;      // created by a stream
  bool not_null = false;   // also because of a primary key or a domain
  bool filled = false;     // has a default, is an identity, or is generated
  bool generated = false;  // GENERATED ALWAYS AS (expression): cannot be written
};

// The table that a stream is about to load.
struct EvolutionInput {
  bool exists = false;
  std::vector<TableColumn> columns;  // in table order, without the meta columns
  // Number of columns as PostgreSQL counts them: including meta columns and dropped columns.
  int64_t attributes = 0;
  int64_t table_bytes = 0;
  // A new table is created and published in place of this one; false if the rows stay.
  bool replaced = false;
  SchemaPolicy policy = SchemaPolicy::kKeep;
  bool inferred = false;  // StreamConfig::inferred_schema
  // A change that rewrites a larger table is refused.
  int64_t max_rewrite_bytes = 0;
};

struct EvolutionPlan {
  // The declared columns, with the types that they will have in the table.
  TableSchema schema;
  // Added columns in the stream's order, then changed and dropped columns in the table's order. For
  // a table that does not exist, only its creation. Added columns have `rewrites` if the table must
  // be copied for them, because dropped columns leave no room.
  std::vector<SchemaChange> changes;
};

// Plans the changes of `table`.
// Errors: FAILED_PRECONDITION with the subject `table` and one of these reasons: SCHEMA_FROZEN (the
// policy is FREEZE and a change is needed; metadata `changes`), NO_SHARED_COLUMN (the schema is
// inferred and the table has none of its columns), COLUMN_NOT_FILLED (a column that the stream does
// not fill is NOT NULL without a default), COLUMN_GENERATED (a declared column is generated),
// TABLE_TOO_WIDE (the table would have more columns than PostgreSQL allows), REWRITE_TOO_LARGE.
absl::StatusOr<EvolutionPlan> PlanEvolution(const TableName& table, const TableSchema& declared,
                                            const EvolutionInput& input);

// Returns the declaration of a stream's column that can store every value of `column`.
ColumnSchema SchemaOf(const TableColumn& column);

// Returns whether the upsert compares values of the column: it is the cursor or part of the key.
bool IsComparedByUpsert(const TableSchema& schema, absl::string_view column);

// Returns the type of the table's column as format_type() prints it.
std::string GetTableType(const ColumnSchema& column);

// Returns `type` without its modifier: "numeric" for "numeric(10,2)", "timestamp with time zone"
// for "timestamp(3) with time zone".
std::string WithoutModifier(absl::string_view type);

// Describes the change for logs and error messages: "adds the column name bigint", "changes the
// column name from bigint to numeric", …
std::string Describe(const SchemaChange& change);

}  // namespace syncline
