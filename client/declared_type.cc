#include "client/declared_type.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/name_hint.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

constexpr char kText[] = R"({"type":["null","string"]})";
constexpr char kInteger[] = R"({"type":["null","integer"]})";
constexpr char kNumber[] = R"({"type":["null","number"]})";
constexpr char kBoolean[] = R"({"type":["null","boolean"]})";
constexpr char kDate[] = R"({"type":["null","string"],"format":"date"})";
constexpr char kTime[] =
    R"({"type":["null","string"],"format":"time","airbyte_type":"time_without_timezone"})";
constexpr char kTimeTz[] =
    R"({"type":["null","string"],"format":"time","airbyte_type":"time_with_timezone"})";
constexpr char kTimestamp[] =
    R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_without_timezone"})";
constexpr char kTimestampTz[] =
    R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone"})";

struct NamedType {
  const char* name;
  const char* postgres_type;
  const char* schema;
};
constexpr NamedType kTypes[] = {
    {"varchar", "varchar", kText},
    {"text", "varchar", kText},
    {"string", "varchar", kText},
    {"bigint", "bigint", kInteger},
    {"int", "bigint", kInteger},
    {"integer", "bigint", kInteger},
    {"numeric", "numeric", kNumber},
    {"decimal", "numeric", kNumber},
    {"number", "numeric", kNumber},
    {"boolean", "boolean", kBoolean},
    {"bool", "boolean", kBoolean},
    {"date", "date", kDate},
    {"time", "time", kTime},
    {"timetz", "timetz", kTimeTz},
    {"timestamp", "timestamp", kTimestamp},
    {"timestamptz", "timestamptz", kTimestampTz},
    {"jsonb", "jsonb", "{}"},
    {"json", "jsonb", "{}"},
};

}  // namespace

absl::StatusOr<DeclaredType> ParseDeclaredType(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  std::vector<std::string> names;
  for (const NamedType& type : kTypes) {
    if (lower == type.name) return DeclaredType{type.postgres_type, type.schema};
    names.push_back(type.name);
  }
  return UsageError(absl::StrCat("--types: ", name, " is not a type", SuggestName(lower, names),
                                 "; the types are varchar, bigint, numeric, boolean, date, time, "
                                 "timetz, timestamp, timestamptz and jsonb"));
}

}  // namespace syncline::client
