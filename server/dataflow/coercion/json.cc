// jsonb: keeps the JSON unchanged, except for values that jsonb cannot store.
#include "absl/strings/ascii.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  const CheckedJson json = CheckJson(token, JsonStyle::kAsIs, scratch);
  if (json.status == JsonStatus::kInvalid) return Coercion::kMalformed;
  if (json.status == JsonStatus::kTooDeep) return Coercion::kTooDeep;
  if (!json.fits_jsonb) return Coercion::kOutOfRange;
  if (json.not_finite && IsNotFinite(token)) return Coercion::kNotFinite;
  *value = Value::Text(json.text);
  if (json.not_finite) return Coercion::kNulledInside;
  return json.cleaned ? Coercion::kCleaned : Coercion::kFits;
}

// Accepts text that contains JSON of the expected kind, which sources write for their own text
// columns.
template <char kOpening>
Coercion FromContainerText(absl::string_view text, ScratchArena* scratch, Value* value) {
  const absl::string_view json = absl::StripAsciiWhitespace(text);
  if (json.empty() || json[0] != kOpening) return Coercion::kUnreadable;
  switch (const Coercion coercion = FromJson(json, scratch, value)) {
    case Coercion::kMalformed:
      return Coercion::kUnreadable;
    case Coercion::kTooDeep:
      return Coercion::kOutOfRange;
    case Coercion::kFits:
    case Coercion::kUnreadable:
    case Coercion::kOutOfRange:
    case Coercion::kCleaned:
    case Coercion::kCut:
    case Coercion::kNotFinite:
    case Coercion::kNulledInside:
      return coercion;
  }
  return Coercion::kUnreadable;
}

template <char kOpening>
Coercion FromContainer(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] == kOpening) return FromJson(token, scratch, value);
  if (token[0] != '"') return CoerceForeignToken(token, scratch);
  return CoerceStringToken(token, FromContainerText<kOpening>, scratch, value);
}

// Converts text to a JSON string.
Coercion FromText(absl::string_view text, ScratchArena* scratch, Value* value) {
  if (static_cast<int64_t>(text.size()) > kMaxFieldBytes) return Coercion::kOutOfRange;
  constexpr char kHex[] = "0123456789abcdef";
  bool cleaned = false;
  char* const start = scratch->Allocate(text.size() * 6 + 2);
  char* out = start;
  *out++ = '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *out++ = '\\';
      *out++ = c;
    } else if (c == '\0') {
      cleaned = true;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      for (const char escaped : {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]}) *out++ = escaped;
    } else {
      *out++ = c;
    }
  }
  *out++ = '"';
  scratch->TrimTo(out);
  *value = Value::Text(absl::string_view(start, static_cast<size_t>(out - start)));
  return cleaned ? Coercion::kCleaned : Coercion::kFits;
}

}  // namespace

const Coercer kAnyJsonCoercer = {FromJson, FromText};
const Coercer kJsonObjectCoercer = {FromContainer<'{'>, FromContainerText<'{'>};
const Coercer kJsonArrayCoercer = {FromContainer<'['>, FromContainerText<'['>};

}  // namespace syncline::dataflow
