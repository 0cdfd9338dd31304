// The type that a value has by its looks, and the narrowest type that holds several values.
//
// Used where no schema is given. A type is inferred only when storing the value as that type keeps
// it: 02134, +49 30 1, 1e5 and NaN in a CSV file are texts. Pure functions, any thread.
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
  kTimestampTz,  // with one
  kString,
  kObject,
  kArray,
  kAny,
};

// The narrowest type that holds both: integer and number widen to number, other scalars to string,
// anything with an object or array to any JSON.
InferredType Widen(InferredType a, InferredType b);

InferredType TypeOfJson(JsonText value);

// The type of a CSV field: true, 42, 2024-01-31 ...; kString when it looks like nothing else.
// Numbers with leading zeros, a plus sign, or an exponent without a point or sign (1e5) are
// identifiers.
InferredType TypeOfText(absl::string_view text);

// What a column's PostgreSQL type, as a plan names it, asks for: decides how a CSV field is written
// as JSON.
InferredType TypeOfColumn(absl::string_view postgres_type);

// The JSON Schema of a property of that type; every property may be null.
absl::string_view PropertySchema(InferredType type);

}  // namespace syncline::client
