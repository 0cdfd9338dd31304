#include "server/sync/json_schema.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/table_schema.h"
#include "server/sync/schema_types.h"

namespace syncline::dataflow {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

absl::Status InvalidSchema(absl::string_view message,
                           absl::string_view reason = reason::kInvalidSchema) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.violations.push_back({"json_schema", std::string(message)});
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("JSON Schema of the stream ", message), detail);
}

// Returns `json` with an exponent after each integer of 19 or more digits. The parser refuses a
// document with an integer beyond 64 bits, which a schema may have as a bound.
std::string WithoutLargeIntegers(absl::string_view json) {
  constexpr size_t kDigits = 19;
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (in_string || !absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      const size_t length = in_string && c == '\\' && i + 1 < json.size() ? 2 : 1;
      if (c == '"') in_string = !in_string;
      absl::StrAppend(&out, json.substr(i, length));
      i += length;
      continue;
    }
    const size_t end = std::min(json.find_first_not_of("0123456789", i), json.size());
    // With a fraction or an exponent it is not an integer.
    const size_t number_end = std::min(json.find_first_not_of("0123456789.eE+-", i), json.size());
    absl::StrAppend(&out, json.substr(i, number_end - i));
    if (end == number_end && end - i >= kDigits) absl::StrAppend(&out, "e0");
    i = number_end;
  }
  return out;
}

std::vector<DeclaredField> ReadFields(object properties, SchemaTypes& types) {
  std::vector<DeclaredField> fields;
  absl::flat_hash_map<std::string, size_t> positions;
  for (const auto property : properties) {
    std::string name(property.key);
    const SchemaType type = types.TypeOf(property.value);
    const auto [position, is_new] = positions.emplace(name, fields.size());
    if (is_new) fields.emplace_back();
    fields[position->second] = {std::move(name), type.type, type.json_shape};
  }
  return fields;
}

absl::StatusOr<std::vector<DeclaredField>> ReadSchema(element root) {
  object schema;
  if (root.get(schema)) return InvalidSchema("is not an object");
  SchemaTypes types(root);
  element record = types.Resolve(root);
  element declared;
  if (record.get(schema) || schema["properties"].get(declared) || declared.is_null()) {
    return std::vector<DeclaredField>();
  }
  object properties;
  if (declared.get(properties)) return InvalidSchema("has \"properties\" that are not an object");
  std::vector<DeclaredField> fields = ReadFields(properties, types);
  if (fields.size() > kMaxUserColumns) {
    return InvalidSchema(absl::StrCat("has ", fields.size(),
                                      " properties; a table can have at most ", kMaxUserColumns),
                         reason::kTooManyColumns);
  }
  return fields;
}

}  // namespace

absl::StatusOr<std::vector<DeclaredField>> ParseJsonSchema(absl::string_view json_schema) {
  simdjson::dom::parser parser;
  element root;
  if (!parser.parse(json_schema.data(), json_schema.size()).get(root)) return ReadSchema(root);
  const std::string bounded = WithoutLargeIntegers(json_schema);
  if (const auto error = parser.parse(bounded).get(root)) {
    return InvalidSchema(absl::StrCat("is not valid JSON: ", simdjson::error_message(error)));
  }
  return ReadSchema(root);
}

}  // namespace syncline::dataflow
