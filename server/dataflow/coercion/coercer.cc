#include "server/dataflow/coercion/coercer.h"

#include "base/json_scanner.h"
#include "server/dataflow/text/json_string.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {

const Coercer& GetCoercer(ColumnType type, JsonShape shape) {
  switch (type) {
    case ColumnType::kVarchar:
      return kVarcharCoercer;
    case ColumnType::kNumeric:
      return kNumericCoercer;
    case ColumnType::kBigint:
      return kBigintCoercer;
    case ColumnType::kBoolean:
      return kBooleanCoercer;
    case ColumnType::kDate:
      return kDateCoercer;
    case ColumnType::kTimestamptz:
      return kTimestamptzCoercer;
    case ColumnType::kTimestamp:
      return kTimestampCoercer;
    case ColumnType::kTimetz:
      return kTimetzCoercer;
    case ColumnType::kTime:
      return kTimeCoercer;
    case ColumnType::kBytea:
      return kByteaCoercer;
    case ColumnType::kJsonb:
      break;
  }
  switch (shape) {
    case JsonShape::kObject:
      return kJsonObjectCoercer;
    case JsonShape::kArray:
      return kJsonArrayCoercer;
    case JsonShape::kAny:
      break;
  }
  return kAnyJsonCoercer;
}

Coercion CoerceStringToken(absl::string_view token, CoerceFunction from_text, ScratchArena* scratch,
                           Value* value) {
  if (token.size() < 2) return Coercion::kMalformed;
  const absl::string_view body = token.substr(1, token.size() - 2);
  // Text that is valid for a scalar type contains no backslash, so a value that fits is not
  // searched for escapes.
  const Coercion as_it_stands = from_text(body, scratch, value);
  if (as_it_stands == Coercion::kFits || !HasBackslash(body)) return as_it_stands;
  const UnescapedText unescaped = Unescape(body, NulPolicy::kKeep, scratch);
  if (!unescaped.valid) return Coercion::kMalformed;
  return from_text(unescaped.text, scratch, value);
}

Coercion CoerceForeignToken(absl::string_view token, ScratchArena* scratch) {
  switch (CheckJson(token, JsonStyle::kAsIs, scratch).status) {
    case JsonStatus::kValid:
      return IsNotFinite(token) ? Coercion::kNotFinite : Coercion::kUnreadable;
    case JsonStatus::kTooDeep:
      return Coercion::kTooDeep;
    case JsonStatus::kInvalid:
      break;
  }
  return Coercion::kMalformed;
}

}  // namespace syncline::dataflow
