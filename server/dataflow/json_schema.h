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

// The properties in the order of the text; of a property named twice the last counts.
// `airbyte_type`, `format`, type lists with "null" and oneOf with one non-null member are
// understood; what is not known is jsonb. Errors: INVALID_ARGUMENT with reason INVALID_SCHEMA for
// text that is no JSON object or has no properties, with reason TOO_MANY_COLUMNS for more than 1596
// of them.
absl::StatusOr<std::vector<DeclaredField>> ParseJsonSchema(absl::string_view json_schema);

}  // namespace syncline::dataflow
