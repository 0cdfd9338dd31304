// JSON as text: finds values and their exact bytes, so that what a source wrote can be passed on
// unchanged.
//
// Nothing is converted or copied: a JsonText is a view into the caller's text. Nesting is not
// limited, because nothing recurses. Numbers keep their digits. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class JsonKind { kObject, kArray, kString, kNumber, kBoolean, kNull };

// One JSON value; `raw` is its text, quotes or brackets included.
struct JsonText {
  JsonKind kind = JsonKind::kNull;
  absl::string_view raw;
};

// The value at the front of `*text` (white space before it is skipped); moves `*text` behind it.
// Nothing when the text there is not JSON; `*text` is then unchanged.
std::optional<JsonText> TakeJson(absl::string_view* text);

// The one value that `text` holds, white space around it allowed.
std::optional<JsonText> ParseJson(absl::string_view text);

// True when `text` is a number as JSON writes it: no leading zeros, no plus sign, no bare point.
bool IsJsonNumber(absl::string_view text);

// Calls `visit` for each member of `object`, in order; the key is raw, without its quotes. `object`
// must come from this file's functions and be an object.
void ForEachMember(JsonText object,
                   absl::FunctionRef<void(absl::string_view key, JsonText value)> visit);

// The same for the elements of an array.
void ForEachElement(JsonText array, absl::FunctionRef<void(JsonText value)> visit);

// The last member of that name, as JSON readers agree; nothing when there is none or `value` is no
// object.
std::optional<JsonText> FindMember(JsonText value, absl::string_view key);

// The text of a JSON string, unescaped to UTF-8 (a lone surrogate becomes U+FFFD).
std::string UnescapeJson(JsonText string);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 pass unchanged.
void AppendJsonString(absl::string_view text, std::string* out);
std::string JsonString(absl::string_view text);

}  // namespace syncline::client
