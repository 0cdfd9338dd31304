// SchemaTypes: which column type a JSON Schema gives to a property.
//
// Works on one parsed schema, which outlives it. Used by one thread. A schema that leads nowhere,
// in circles, or is not understood is jsonb.
#pragma once

#include <simdjson.h>

#include "server/model/column_type.h"

namespace syncline::dataflow {

struct TypedAs {
  ColumnType type = ColumnType::kJsonb;
  JsonShape json_shape = JsonShape::kAny;
};

class SchemaTypes {
 public:
  explicit SchemaTypes(simdjson::dom::element root) : root_(root) {}

  // The schema that `schema` stands for: local references ("#/…") and an allOf of one member are
  // followed, at most kMaxSteps of them.
  simdjson::dom::element Resolve(simdjson::dom::element schema) const;

  // The type of a property. A union whose members are all strings or all numbers has their common
  // type; every other union is jsonb.
  TypedAs TypeOf(simdjson::dom::element property);

 private:
  TypedAs TypeOf(simdjson::dom::element property, int depth);
  TypedAs UnionType(simdjson::dom::array members, int depth);
  TypedAs ListedTypes(simdjson::dom::object schema, simdjson::dom::element types) const;

  const simdjson::dom::element root_;
  int members_ = 0;  // looked at for the current property: references may multiply them
};

}  // namespace syncline::dataflow
