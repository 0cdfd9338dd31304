#include "server/model/column_type.h"

#include <array>

namespace syncline {
namespace {

bool IsNumber(ColumnType type) {
  return type == ColumnType::kBigint || type == ColumnType::kNumeric;
}

// Returns whether values of the type are strings in JSON.
bool IsString(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
    case ColumnType::kDate:
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
    case ColumnType::kTimetz:
    case ColumnType::kTime:
    case ColumnType::kBytea:
      return true;
    case ColumnType::kNumeric:
    case ColumnType::kBigint:
    case ColumnType::kBoolean:
    case ColumnType::kJsonb:
      return false;
  }
  return false;
}

}  // namespace

absl::string_view PostgresTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
      return "character varying";
    case ColumnType::kNumeric:
      return "numeric";
    case ColumnType::kBigint:
      return "bigint";
    case ColumnType::kBoolean:
      return "boolean";
    case ColumnType::kDate:
      return "date";
    case ColumnType::kTimestamptz:
      return "timestamp with time zone";
    case ColumnType::kTimestamp:
      return "timestamp without time zone";
    case ColumnType::kTimetz:
      return "time with time zone";
    case ColumnType::kTime:
      return "time without time zone";
    case ColumnType::kJsonb:
      return "jsonb";
    case ColumnType::kBytea:
      return "bytea";
  }
  return "";
}

std::optional<ColumnType> ColumnTypeFromPostgresName(absl::string_view name) {
  constexpr std::array kTypes = {
      ColumnType::kVarchar, ColumnType::kNumeric,     ColumnType::kBigint,    ColumnType::kBoolean,
      ColumnType::kDate,    ColumnType::kTimestamptz, ColumnType::kTimestamp, ColumnType::kTimetz,
      ColumnType::kTime,    ColumnType::kJsonb,       ColumnType::kBytea};
  for (const ColumnType type : kTypes) {
    if (PostgresTypeName(type) == name) return type;
  }
  return std::nullopt;
}

ColumnType CommonType(ColumnType a, ColumnType b) {
  if (a == b) return a;
  if (IsString(a) && IsString(b)) return ColumnType::kVarchar;
  return IsNumber(a) && IsNumber(b) ? ColumnType::kNumeric : ColumnType::kJsonb;
}

}  // namespace syncline
