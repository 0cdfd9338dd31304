// Coercers: convert one value of a record to a Value that its column accepts. docs/types.md has the
// rules.
//
// A column's coercer is chosen once per schema. Coercers are stateless. The text of a returned
// Value is borrowed from the input or from the scratch space.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::dataflow {

// The result of a coercion, and the entry that it leaves in `_airbyte_meta.changes`.
enum class Coercion : uint8_t {
  // The value is unchanged; no entry.
  kFits,
  // NULLED, DESTINATION_SERIALIZATION_ERROR: the value is not of the type.
  kUnreadable,
  // NULLED, DESTINATION_FIELD_SIZE_LIMITATION: the value exceeds the limits of the type.
  kOutOfRange,
  // TRUNCATED, DESTINATION_SERIALIZATION_ERROR: NULs were removed or lone surrogates replaced.
  kCleaned,
  // TRUNCATED, DESTINATION_FIELD_SIZE_LIMITATION: digits or blanks beyond the column's limit were
  // rounded or cut.
  kCut,
  // NULLED, DESTINATION_SERIALIZATION_ERROR: the bare token NaN, Infinity or -Infinity, not a
  // string.
  kNotFinite,
  // NULLED, DESTINATION_SERIALIZATION_ERROR: such a token within a JSON value, which became JSON
  // null.
  kNulledInside,
  // The token is not JSON; the record must be rejected.
  kMalformed,
  // The token is nested more than kMaxScanDepth deep; the record must be rejected.
  kTooDeep,
};

// The contents of `value` are valid only after kFits, kCleaned, kCut and kNulledInside.
using CoerceFunction = Coercion (*)(absl::string_view input, ScratchArena* scratch, Value* value);

struct Coercer {
  // `input` is one JSON value other than null, or one of the tokens NaN, Infinity and -Infinity
  // (Python writes them), without white space around it. It starts and ends where simdjson's
  // structural index places it. The function checks that an accepted value is valid JSON.
  CoerceFunction from_json;
  // `input` is the text of a string: valid UTF-8 without escapes. It may contain NULs.
  CoerceFunction from_text;
};

// Returns the coercer of a column. `shape` is used for jsonb only.
const Coercer& GetCoercer(ColumnType type, JsonShape shape);

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

// For use by coercers. Passes the text of a string token, with its escapes resolved, to
// `from_text`.
Coercion CoerceStringToken(absl::string_view token, CoerceFunction from_text, ScratchArena* scratch,
                           Value* value);
// For use by coercers. Classifies a token of a type that the column does not accept. Returns
// kUnreadable or kNotFinite, kMalformed if the token is not JSON, or kTooDeep.
Coercion CoerceForeignToken(absl::string_view token, ScratchArena* scratch);

}  // namespace syncline::dataflow
