// jsonb: the JSON as it is, except for what jsonb cannot hold.
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/json_string.h"
#include "server/dataflow/json_text.h"

namespace syncline::dataflow {
namespace {

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  const CheckedJson json = CheckJson(token, JsonStyle::kAsIs, scratch);
  if (json.status == JsonStatus::kInvalid) return Coercion::kMalformed;
  if (json.status == JsonStatus::kTooDeep) return Coercion::kTooDeep;
  if (!json.fits_jsonb) return Coercion::kOutOfRange;
  *value = Value::Text(json.text);
  return json.cleaned ? Coercion::kCleaned : Coercion::kFits;
}

template <char kOpening>
Coercion FromContainer(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] != kOpening) return CoerceForeignToken(token, scratch);
  return FromJson(token, scratch, value);
}

// A text becomes a JSON string.
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

Coercion NoText(absl::string_view, ScratchArena*, Value*) { return Coercion::kUnreadable; }

}  // namespace

const Coercer kAnyJsonCoercer = {FromJson, FromText};
const Coercer kJsonObjectCoercer = {FromContainer<'{'>, NoText};
const Coercer kJsonArrayCoercer = {FromContainer<'['>, NoText};

}  // namespace syncline::dataflow
