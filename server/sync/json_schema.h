// Converts a stream's JSON Schema into its columns.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/column_type.h"

namespace syncline::dataflow {

struct DeclaredField {
  std::string name;  // as in the schema, unmapped
  ColumnType type = ColumnType::kJsonb;
  JsonShape json_shape = JsonShape::kAny;  // for jsonb only; goes to ColumnSchema::json_shape
};

// Returns the declared properties in the order of the text; of a property that is declared twice,
// the last declaration counts. Returns none for a schema that declares none. SchemaTypes
// (schema_types.h) determines the types. Errors: INVALID_ARGUMENT with reason INVALID_SCHEMA if the
// text is not a JSON object or its properties are not an object, with reason TOO_MANY_COLUMNS for
// more than 1596 properties.
absl::StatusOr<std::vector<DeclaredField>> ParseJsonSchema(absl::string_view json_schema);

}  // namespace syncline::dataflow
