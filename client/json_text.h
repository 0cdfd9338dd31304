// Finds values in JSON text without converting them, so that the bytes that a source wrote can be
// passed on unchanged.
//
// A JsonText is a view into the caller's text; nothing is copied. Nesting depth is not limited,
// because no function recurses. Numbers keep their digits. Pure functions; any thread.
//
// The grammar is checked here, on tokens of base/json_scanner.h, and neither by simdjson, which
// needs padded UTF-8, limits the depth of values that it checks and refuses text that follows a
// value, nor by the server's CheckJson, which limits the depth and rewrites the text for
// PostgreSQL.
#pragma once

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class JsonKind { kObject, kArray, kString, kNumber, kBoolean, kNull };

// One JSON value. `raw` is its text, including quotes or brackets.
struct JsonText {
  JsonKind kind = JsonKind::kNull;
  absl::string_view raw;
};

// Returns the value at the front of `*text`, after white space, and advances `*text` past it.
// Returns nullopt and leaves `*text` unchanged if it does not begin with a JSON value.
std::optional<JsonText> TakeJson(absl::string_view* text);

// Returns the only value in `text`, which may be surrounded by white space. Returns nullopt for
// anything else.
std::optional<JsonText> ParseJson(absl::string_view text);

// Returns whether `text` is a JSON number: no leading zeros, no plus sign, no bare point.
bool IsJsonNumber(absl::string_view text);

// Calls `visit` for each member of `object`, in order. The key is raw, without its quotes. `object`
// must be an object that a function of this file returned.
void ForEachMember(JsonText object,
                   absl::FunctionRef<void(absl::string_view key, JsonText value)> visit);

// Calls `visit` for each element of `array`, in order. The same requirement applies.
void ForEachElement(JsonText array, absl::FunctionRef<void(JsonText value)> visit);

// Returns the last member with the raw key `key`, because JSON parsers commonly use the last of
// equal keys. Returns nullopt if there is none or if `value` is not an object.
std::optional<JsonText> FindMember(JsonText value, absl::string_view key);

// Returns the contents of a JSON string, unescaped to UTF-8. A lone surrogate and an incomplete \u
// become U+FFFD. Of another escape that JSON does not have, only the backslash is removed.
std::string UnescapeJson(JsonText string);

}  // namespace syncline::client
