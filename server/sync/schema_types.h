// SchemaTypes: determines the column type of a property from its JSON Schema.
//
// Works on one parsed schema, which must outlive it. Used by one thread. A schema that is not
// understood, or whose references are missing or circular, is jsonb.
#pragma once

#include <simdjson.h>

#include "server/model/column_type.h"

namespace syncline::dataflow {

struct SchemaType {
  ColumnType type = ColumnType::kJsonb;
  JsonShape json_shape = JsonShape::kAny;
};

class SchemaTypes {
 public:
  explicit SchemaTypes(simdjson::dom::element root) : root_(root) {}

  // Follows local references ("#/…") and an allOf of one member, at most kMaxSteps of them, and
  // returns the schema that they lead to.
  simdjson::dom::element Resolve(simdjson::dom::element schema) const;

  // Returns the type of a property. A union whose members are all strings or all numbers has their
  // common type; every other union is jsonb.
  SchemaType TypeOf(simdjson::dom::element property);

 private:
  SchemaType TypeOf(simdjson::dom::element property, int depth);
  SchemaType UnionType(simdjson::dom::array members, int depth);
  SchemaType ListedTypes(simdjson::dom::object schema, simdjson::dom::element types) const;

  const simdjson::dom::element root_;
  int members_ = 0;  // schemas visited for the current property; references may multiply them
};

}  // namespace syncline::dataflow
