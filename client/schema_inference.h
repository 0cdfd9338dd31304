// Guesses the JSON Schema of records from a sample of them.
//
// The same records in the same order give the same schema. Every column may be null; columns stand
// in the order in which they were first seen. Kinds that differ widen: integer and number to
// number, other scalars to string, anything with an object or array to any JSON. One thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "client/json_text.h"

namespace syncline::client {

enum class InferredType {
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

// The narrowest type that holds both.
InferredType Widen(InferredType a, InferredType b);

InferredType TypeOfJson(JsonText value);

// The type that a text has by its looks: true, 42, 2024-01-31 ...; kString when it looks like
// nothing else.
InferredType TypeOfText(absl::string_view text);

// The type that a property of a JSON Schema asks for: decides how a CSV field is written as JSON.
InferredType TypeOfSchema(JsonText property);

class SchemaInference {
 public:
  // Takes the members of one record.
  void AddRecord(JsonText object);

  void AddValue(const std::string& column, InferredType type);

  bool empty() const { return columns_.empty(); }
  const std::vector<std::pair<std::string, InferredType>>& columns() const { return columns_; }

  // The schema as JSON text.
  std::string JsonSchema() const;

 private:
  std::vector<std::pair<std::string, InferredType>> columns_;
  absl::flat_hash_map<std::string, size_t> index_;
};

}  // namespace syncline::client
