#include "server/sync/schema_types.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/string_view.h"

namespace syncline::dataflow {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kMaxSteps = 64;
constexpr int kMaxDepth = 32;
constexpr int kMaxMembers = 4096;
constexpr double kInt64End = 9223372036854775808.0;  // 2^63

// Returns the string value of `key`, or an empty string.
absl::string_view GetString(object schema, absl::string_view key) {
  std::string_view value;
  if (schema[ToStd(key)].get(value)) return absl::string_view();
  return ToAbsl(value);
}

// Returns whether the bound `key` allows integers that a bigint cannot hold.
bool PassesInt64(object schema, const char* key) {
  element bound;
  if (schema[key].get(bound)) return false;
  int64_t fits = 0;
  if (!bound.get(fits)) return false;
  uint64_t large = 0;
  // An exclusive bound of exactly 2^63 allows only integers that fit.
  if (!bound.get(large)) return !absl::StartsWith(key, "exclusive") || large > uint64_t{1} << 63;
  double approximate = 0;
  return !bound.get(approximate) && (approximate >= kInt64End || approximate < -kInt64End);
}

bool IsLargeInteger(object schema) {
  if (GetString(schema, "airbyte_type") == "big_integer") return true;
  for (const char* key : {"maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}) {
    if (PassesInt64(schema, key)) return true;
  }
  return false;
}

SchemaType IntegerType(object schema) {
  return {IsLargeInteger(schema) ? ColumnType::kNumeric : ColumnType::kBigint};
}

SchemaType StringType(object schema) {
  const absl::string_view format = GetString(schema, "format");
  const absl::string_view airbyte_type = GetString(schema, "airbyte_type");
  if (airbyte_type == "big_integer") return {ColumnType::kNumeric};
  if (GetString(schema, "contentEncoding") == "base64") return {ColumnType::kBytea};
  if (format == "date") return {ColumnType::kDate};
  if (format == "date-time" || airbyte_type == "timestamp_with_timezone" ||
      airbyte_type == "timestamp_without_timezone") {
    return {airbyte_type == "timestamp_without_timezone" ? ColumnType::kTimestamp
                                                         : ColumnType::kTimestamptz};
  }
  if (format == "time" || airbyte_type == "time_with_timezone" ||
      airbyte_type == "time_without_timezone") {
    return {airbyte_type == "time_with_timezone" ? ColumnType::kTimetz : ColumnType::kTime};
  }
  return {ColumnType::kVarchar};
}

// Returns the type for one name in "type".
SchemaType NamedType(object schema, absl::string_view name) {
  if (name == "string") return StringType(schema);
  if (name == "integer") return IntegerType(schema);
  if (name == "number") {
    return GetString(schema, "airbyte_type") == "integer" ? IntegerType(schema)
                                                          : SchemaType{ColumnType::kNumeric};
  }
  if (name == "boolean") return {ColumnType::kBoolean};
  if (name == "object") return {ColumnType::kJsonb, JsonShape::kObject};
  if (name == "array") return {ColumnType::kJsonb, JsonShape::kArray};
  return {};
}

// Returns the type of a union of the two. A union with booleans, or of shapes, is any JSON.
SchemaType CommonType(SchemaType a, SchemaType b) {
  if (a.type == ColumnType::kBoolean || b.type == ColumnType::kBoolean) return {};
  return SchemaType{syncline::CommonType(a.type, b.type)};
}

bool IsNullType(object schema) { return GetString(schema, "type") == "null"; }

// Returns the only member of an allOf.
std::optional<element> SingleMember(object schema) {
  array members;
  if (schema["allOf"].get(members) || members.size() != 1) return std::nullopt;
  return members.at(0).value();
}

}  // namespace

element SchemaTypes::Resolve(element schema) const {
  for (int step = 0; step < kMaxSteps; ++step) {
    object fields;
    if (schema.get(fields)) return schema;
    absl::string_view reference = GetString(fields, "$ref");
    element target;
    if (absl::ConsumePrefix(&reference, "#") && !root_.at_pointer(ToStd(reference)).get(target)) {
      schema = target;
      continue;
    }
    // The schema's own keywords take precedence over those of its member.
    element own;
    const bool says = !fields["type"].get(own) || !fields["oneOf"].get(own) ||
                      !fields["anyOf"].get(own) || !fields["properties"].get(own);
    const std::optional<element> member = says ? std::nullopt : SingleMember(fields);
    if (!member.has_value()) return schema;
    schema = *member;
  }
  return schema;
}

SchemaType SchemaTypes::TypeOf(element property) {
  members_ = 0;
  return TypeOf(property, 0);
}

SchemaType SchemaTypes::TypeOf(element property, int depth) {
  if (depth > kMaxDepth || ++members_ > kMaxMembers) return {};
  object schema;
  if (Resolve(property).get(schema)) return {};
  array members;
  if (!schema["oneOf"].get(members) || !schema["anyOf"].get(members)) {
    return UnionType(members, depth + 1);
  }
  element types;
  if (schema["type"].get(types)) return {};
  return ListedTypes(schema, types);
}

SchemaType SchemaTypes::UnionType(array members, int depth) {
  std::optional<SchemaType> common;
  for (const element member : members) {
    object schema;
    if (!Resolve(member).get(schema) && IsNullType(schema)) continue;
    const SchemaType type = TypeOf(member, depth);
    common = common.has_value() ? CommonType(*common, type) : type;
  }
  return common.value_or(SchemaType());
}

SchemaType SchemaTypes::ListedTypes(object schema, element types) const {
  std::string_view single;
  if (!types.get(single)) return NamedType(schema, ToAbsl(single));
  array list;
  if (types.get(list)) return {};
  std::optional<SchemaType> common;
  absl::string_view seen;
  for (const element member : list) {
    std::string_view name;
    if (member.get(name)) return {};
    if (name == "null" || ToAbsl(name) == seen) continue;
    seen = ToAbsl(name);
    const SchemaType type = NamedType(schema, seen);
    common = common.has_value() ? CommonType(*common, type) : type;
  }
  return common.value_or(SchemaType());
}

}  // namespace syncline::dataflow
