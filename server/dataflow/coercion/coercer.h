// Coercion: one value of a record -> a Value that its column takes. Rules: docs/types.md.
//
// A column's coercer is chosen once per schema. Coercers are stateless; texts they return are
// borrowed from their input or from the scratch space.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::dataflow {

// What became of a value.
enum class Coercion : uint8_t {
  kFits,        // it is as it was
  kUnreadable,  // NULLED, DESTINATION_SERIALIZATION_ERROR: it does not read as the type
  kOutOfRange,  // NULLED, DESTINATION_FIELD_SIZE_LIMITATION: it does, but the type cannot hold it
  kCleaned,  // TRUNCATED, DESTINATION_SERIALIZATION_ERROR: NULs removed, lone surrogates replaced
  kCut,      // TRUNCATED, DESTINATION_FIELD_SIZE_LIMITATION: digits beyond the type's scale rounded
             // away
  kNotFinite,  // NULLED, DESTINATION_SERIALIZATION_ERROR: NaN, Infinity or -Infinity, not as text
  kNulledInside,  // the same within a JSON value, where it became JSON's null
  kMalformed,     // the token is not JSON: the record must be rejected
  kTooDeep,       // nested deeper than anything looks: the record must be rejected
};

// Sets `value` for kFits, kCleaned, kCut and kNulledInside alone.
using CoerceFunction = Coercion (*)(absl::string_view input, ScratchArena* scratch, Value* value);

struct Coercer {
  // `input` is one JSON value other than null, or one of the tokens NaN, Infinity and -Infinity
  // that Python writes, without white space around it, that starts and ends where simdjson's
  // structural index says; whatever is accepted has been checked to be valid JSON.
  CoerceFunction from_json;
  // `input` is a string's text: valid UTF-8, escapes undone, perhaps with NULs.
  CoerceFunction from_text;
};

// `shape` matters for jsonb alone.
const Coercer& CoercerFor(ColumnType type, JsonShape shape);

extern const Coercer kBigintCoercer;
extern const Coercer kNumericCoercer;
extern const Coercer kBooleanCoercer;
extern const Coercer kVarcharCoercer;
extern const Coercer kAnyJsonCoercer;
extern const Coercer kJsonObjectCoercer;
extern const Coercer kJsonArrayCoercer;
extern const Coercer kDateCoercer;
extern const Coercer kTimestampCoercer;
extern const Coercer kTimestamptzCoercer;
extern const Coercer kTimeCoercer;
extern const Coercer kTimetzCoercer;
extern const Coercer kByteaCoercer;

// For coercers: a string token's way to `from_text`, escapes undone when there are any.
Coercion CoerceStringToken(absl::string_view token, CoerceFunction from_text, ScratchArena* scratch,
                           Value* value);
// For coercers: a token of a type that the column does not take. kUnreadable or kNotFinite, unless
// it is not JSON.
Coercion CoerceForeignToken(absl::string_view token, ScratchArena* scratch);

}  // namespace syncline::dataflow
