// varchar: accepts every value. A value that is not a string is stored as its JSON text.
#include <algorithm>
#include <cstring>

#include "base/json_scanner.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/json_string.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

bool TooLong(absl::string_view text) { return static_cast<int64_t>(text.size()) > kMaxFieldBytes; }

Coercion FromText(absl::string_view text, ScratchArena* scratch, Value* value) {
  if (TooLong(text)) return Coercion::kOutOfRange;
  if (text.empty() || std::memchr(text.data(), '\0', text.size()) == nullptr) {
    *value = Value::Text(text);
    return Coercion::kFits;
  }
  char* const start = scratch->Allocate(text.size());
  char* const end = std::remove_copy(text.begin(), text.end(), start, '\0');
  *value = Value::Text(absl::string_view(start, static_cast<size_t>(end - start)));
  return Coercion::kCleaned;
}

Coercion FromStringToken(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token.size() < 2) return Coercion::kMalformed;
  const absl::string_view body = token.substr(1, token.size() - 2);
  UnescapedText text{true, false, body};
  if (HasBackslash(body)) {
    text = Unescape(body, NulPolicy::kRemove, scratch);
    if (!text.valid) return Coercion::kMalformed;
  }
  if (TooLong(text.text)) return Coercion::kOutOfRange;
  *value = Value::Text(text.text);
  return text.cleaned ? Coercion::kCleaned : Coercion::kFits;
}

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] == '"') return FromStringToken(token, scratch, value);
  const CheckedJson json = CheckJson(token, JsonStyle::kCompact, scratch);
  if (json.status == JsonStatus::kInvalid) return Coercion::kMalformed;
  if (json.status == JsonStatus::kTooDeep) return Coercion::kTooDeep;
  if (TooLong(json.text)) return Coercion::kOutOfRange;
  if (json.not_finite && IsNotFinite(token)) return Coercion::kNotFinite;
  *value = Value::Text(json.text);
  if (json.not_finite) return Coercion::kNulledInside;
  return json.cleaned ? Coercion::kCleaned : Coercion::kFits;
}

}  // namespace

const Coercer kVarcharCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
