// A slow reference parser for JSON (RFC 8259) and the tokens NaN, Infinity and -Infinity. The
// targets compare the record parser with it. It shares no code with the server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::fuzz {

// Returns whether `text` is UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(absl::string_view text);

struct JsonNode {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject, kNotFinite };

  // Returns the last field with this name, or null.
  const JsonNode* Find(absl::string_view name) const;

  Kind kind = Kind::kNull;
  absl::string_view token;  // as in the input
  std::string text;         // strings: unescaped, with NULs; lone surrogates are U+FFFD
  // Contains \u0000 or a lone surrogate.
  bool unstorable = false;
  // Contains NaN, Infinity or -Infinity.
  bool not_finite = false;
  int depth = 0;                   // of nested arrays and objects
  std::vector<JsonNode> items;     // of an array, and the values of an object's fields
  std::vector<std::string> names;  // of an object's fields
};

// Parses all of `text`, which may have white space around it. Returns nullopt if it is not JSON or
// has more than kMaxReferenceDepth levels.
inline constexpr int kMaxReferenceDepth = 1500;
std::optional<JsonNode> ReadJson(absl::string_view text);

}  // namespace syncline::fuzz
