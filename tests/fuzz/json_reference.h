// A slow reader of JSON (RFC 8259) and of the tokens NaN, Infinity and -Infinity, which shares no
// code with the server's: what the targets hold the record parser against.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::fuzz {

// Whether `text` is UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(absl::string_view text);

struct JsonNode {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject, kNotFinite };

  // The last field called `name`, null when there is none.
  const JsonNode* Find(absl::string_view name) const;

  Kind kind = Kind::kNull;
  absl::string_view token;  // as it stands in the input
  std::string text;         // strings: escapes undone; NULs are in it, lone surrogates are U+FFFD
  // A \u0000 or a lone surrogate is somewhere in it.
  bool unstorable = false;
  // One of NaN, Infinity and -Infinity is somewhere in it.
  bool not_finite = false;
  int depth = 0;                   // of arrays and objects within each other
  std::vector<JsonNode> items;     // of an array, and the values of an object's fields
  std::vector<std::string> names;  // of an object's fields
};

// `text` as a whole, with white space around it or without; none when it is not JSON or has more
// than kMaxReferenceDepth levels.
inline constexpr int kMaxReferenceDepth = 1500;
std::optional<JsonNode> ReadJson(absl::string_view text);

}  // namespace syncline::fuzz
