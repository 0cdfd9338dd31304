// The PostgreSQL types of columns that streams create, and their names.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace syncline {

enum class ColumnType {
  kVarchar,
  kNumeric,
  kBigint,
  kBoolean,
  kDate,
  kTimestamptz,
  kTimestamp,
  kTimetz,
  kTime,
  kJsonb,
  kBytea,
};

// The values that a jsonb column accepts: any JSON (unions and unknown types), only objects, or
// only arrays.
enum class JsonShape { kAny, kObject, kArray };

// Returns the name that the catalog's format_type() prints, such as "timestamp with time zone". It
// is valid in DDL.
absl::string_view PostgresTypeName(ColumnType type);

// Returns the type with the catalog's name `name`, or nullopt if streams do not create columns of
// that type.
std::optional<ColumnType> ColumnTypeFromPostgresName(absl::string_view name);

// Returns the type of a column that stores values of both types: the type itself, varchar for two
// types whose values are strings in JSON, numeric for two types of numbers, and else jsonb.
ColumnType CommonType(ColumnType a, ColumnType b);

}  // namespace syncline
