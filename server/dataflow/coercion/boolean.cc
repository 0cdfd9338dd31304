// boolean: accepts only the JSON values true and false.
#include "server/dataflow/coercion/coercer.h"

namespace syncline::dataflow {
namespace {

Coercion FromText(absl::string_view, ScratchArena*, Value*) { return Coercion::kUnreadable; }

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token == "true" || token == "false") {
    *value = Value::Scalar(token[0] == 't' ? 1 : 0);
    return Coercion::kFits;
  }
  return CoerceForeignToken(token, scratch);
}

}  // namespace

const Coercer kBooleanCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
