// The PostgreSQL types that streams' columns have, and their names.
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

// What a jsonb column takes: any JSON (unions and unknown types), or objects or arrays alone.
enum class JsonShape { kAny, kObject, kArray };

// The name as format_type() of the catalog prints it, e.g. "timestamp with time zone"; valid in
// DDL.
absl::string_view PostgresTypeName(ColumnType type);

// The type that the catalog calls `name`; none for a type that no stream's column has.
std::optional<ColumnType> ColumnTypeFromPostgresName(absl::string_view name);

}  // namespace syncline
