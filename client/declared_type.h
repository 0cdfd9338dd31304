// The types that `--types` can give to columns. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

struct DeclaredType {
  std::string postgres_type;    // such as bigint
  std::string property_schema;  // the JSON Schema of a property of this type
};

// Returns the type that `name` means, in any case: a name of PostgreSQL (bigint, int, varchar,
// text, numeric, boolean, date, time, timetz, timestamp, timestamptz, jsonb) or of JSON Schema
// (integer, string, number). Errors: a usage error that suggests a type.
absl::StatusOr<DeclaredType> ParseDeclaredType(absl::string_view name);

}  // namespace syncline::client
