// A stream's JSON Schema -> its columns.
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
  JsonShape json_shape = JsonShape::kAny;  // jsonb only; belongs into ColumnSchema::json_shape
};

// The properties in the order of the text; of a property named twice the last counts. None for a
// schema that declares none. Types are those of schema_types.h. Errors: INVALID_ARGUMENT with
// reason INVALID_SCHEMA for text that is no JSON object or whose properties are no object, with
// reason TOO_MANY_COLUMNS for more than 1596 of them.
absl::StatusOr<std::vector<DeclaredField>> ParseJsonSchema(absl::string_view json_schema);

}  // namespace syncline::dataflow
