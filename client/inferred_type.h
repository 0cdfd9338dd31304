// Infers the type of a value from its text, and widens a type to one that holds several values.
//
// Used if no schema is given. A type is inferred only if storing the value as that type preserves
// it: 02134, +49 30 1, 1e5 and NaN in a CSV file are strings. Pure functions; any thread.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "client/json_text.h"

namespace syncline::client {

enum class InferredType : uint8_t {
  kNone,  // only nulls so far
  kBoolean,
  kInteger,
  kNumber,
  kDate,
  kTimestamp,    // without a time zone
  kTimestampTz,  // with a time zone
  kString,
  kObject,
  kArray,
  kAny,
};

// Returns the narrowest type that holds both: integer and number widen to number, other scalars to
// string, and anything with an object or array to any JSON.
InferredType Widen(InferredType a, InferredType b);

InferredType InferJsonType(JsonText value);

// Returns the type of a CSV field, such as boolean for true, integer for 42 and date for
// 2024-01-31, or kString if no other type fits. Numbers with leading zeros, a plus sign, or an
// exponent without a point or sign (1e5) are identifiers and therefore strings.
InferredType InferTextType(absl::string_view text);

// Returns the type for a column's PostgreSQL type as a plan names it. It decides how a CSV field is
// written as JSON.
InferredType InferColumnType(absl::string_view postgres_type);

// Returns the name of the PostgreSQL type that the server gives to a column of `type`.
absl::string_view PostgresTypeName(InferredType type);

// Returns the JSON Schema of a property of `type`. Every property may be null.
absl::string_view PropertySchema(InferredType type);

}  // namespace syncline::client
