#include "server/dataflow/json_schema.h"

#include <simdjson.h>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/string_view.h"
#include "server/model/table_schema.h"

namespace syncline::dataflow {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

struct TypedAs {
  ColumnType type = ColumnType::kJsonb;
  JsonShape json_shape = JsonShape::kAny;
};

absl::Status InvalidSchema(absl::string_view message, absl::string_view reason = "INVALID_SCHEMA") {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.violations.push_back({"json_schema", std::string(message)});
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("JSON Schema of the stream ", message), detail);
}

// The string that `key` has; empty when there is none.
absl::string_view StringOf(object schema, absl::string_view key) {
  std::string_view value;
  if (schema[ToStd(key)].get(value)) return absl::string_view();
  return ToAbsl(value);
}

// The one type that is named beside "null"; empty when there is none or more than one.
absl::string_view SingleType(element types) {
  std::string_view single;
  if (!types.get(single)) return ToAbsl(single);
  array list;
  if (types.get(list)) return absl::string_view();
  absl::string_view found;
  for (const element member : list) {
    std::string_view name;
    if (member.get(name)) return absl::string_view();
    if (name == "null" || ToAbsl(name) == found) continue;
    if (!found.empty()) return absl::string_view();
    found = ToAbsl(name);
  }
  return found;
}

TypedAs StringType(object schema) {
  const absl::string_view format = StringOf(schema, "format");
  const absl::string_view airbyte_type = StringOf(schema, "airbyte_type");
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

bool IsNullType(element member) {
  object schema;
  return !member.get(schema) && StringOf(schema, "type") == "null";
}

// The only member of a oneOf or anyOf that is not null. False when there are several, or none.
bool SingleMember(element members, element* single) {
  array list;
  if (members.get(list)) return false;
  int found = 0;
  for (const element member : list) {
    if (IsNullType(member)) continue;
    *single = member;
    ++found;
  }
  return found == 1;
}

TypedAs TypeOf(element property) {
  object schema;
  // A property is an object; a union with one member leads to that member's.
  while (!property.get(schema)) {
    element members;
    if (!schema["oneOf"].get(members) || !schema["anyOf"].get(members)) {
      if (!SingleMember(members, &property)) return {};
      continue;
    }
    element types;
    if (schema["type"].get(types)) return {};
    const absl::string_view type = SingleType(types);
    if (type == "string") return StringType(schema);
    if (type == "integer") return {ColumnType::kBigint};
    if (type == "number") {
      return {StringOf(schema, "airbyte_type") == "integer" ? ColumnType::kBigint
                                                            : ColumnType::kNumeric};
    }
    if (type == "boolean") return {ColumnType::kBoolean};
    if (type == "object") return {ColumnType::kJsonb, JsonShape::kObject};
    if (type == "array") return {ColumnType::kJsonb, JsonShape::kArray};
    return {};
  }
  return {};
}

std::vector<DeclaredField> FieldsOf(object properties) {
  std::vector<DeclaredField> fields;
  absl::flat_hash_map<std::string, size_t> positions;
  for (const auto property : properties) {
    std::string name(property.key);
    const TypedAs type = TypeOf(property.value);
    const auto [position, is_new] = positions.emplace(name, fields.size());
    if (is_new) fields.emplace_back();
    fields[position->second] = {std::move(name), type.type, type.json_shape};
  }
  return fields;
}

}  // namespace

absl::StatusOr<std::vector<DeclaredField>> ParseJsonSchema(absl::string_view json_schema) {
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json_schema.data(), json_schema.size()).get(root)) {
    return InvalidSchema(absl::StrCat("is not valid JSON: ", simdjson::error_message(error)));
  }
  object schema;
  if (root.get(schema)) return InvalidSchema("is not an object");
  object properties;
  if (schema["properties"].get(properties)) return InvalidSchema("has no object \"properties\"");
  std::vector<DeclaredField> fields = FieldsOf(properties);
  if (fields.empty()) return InvalidSchema("has no properties");
  if (fields.size() > kMaxUserColumns) {
    return InvalidSchema(
        absl::StrCat("has ", fields.size(), " properties; a table takes at most ", kMaxUserColumns),
        "TOO_MANY_COLUMNS");
  }
  return fields;
}

}  // namespace syncline::dataflow
