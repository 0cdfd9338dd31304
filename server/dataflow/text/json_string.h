// Finds the ends of JSON strings and resolves their escapes.
//
// The input must be valid UTF-8; the caller has checked that.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// The UTF-8 form of U+FFFD, which replaces a lone surrogate.
inline constexpr char kReplacementUtf8[] = "\xEF\xBF\xBD";

// Returns the first '"', '\\' or control character in [begin, end), or `end` if there is none.
const char* FindStringEvent(const char* begin, const char* end);

bool HasBackslash(absl::string_view text);

// One escape sequence.
struct Escape {
  const char* next = nullptr;  // the position after the escape, or null if it is invalid
  uint32_t code_point = 0;
  bool lone_surrogate = false;  // if true, code_point is U+FFFD
};
// Reads the escape whose backslash precedes `begin`. A surrogate pair is one escape.
Escape ReadEscape(const char* begin, const char* end);

// Returns the position after the closing quote of the string whose opening quote is at `begin`, or
// null if the string is invalid. Sets `escaped` if the string contains a backslash.
const char* SkipString(const char* begin, const char* end, bool* escaped);

enum class NulPolicy { kRemove, kKeep };

struct UnescapedText {
  bool valid = false;
  bool cleaned = false;  // a NUL was removed or a lone surrogate replaced
  absl::string_view text;
};
// Resolves the escapes of `body`, the text between the quotes. The result is in the scratch space.
UnescapedText Unescape(absl::string_view body, NulPolicy nul, ScratchArena* scratch);

// Writes the UTF-8 form of `code_point` (at most 4 bytes) and returns the position after it.
char* WriteUtf8(uint32_t code_point, char* out);

}  // namespace syncline::dataflow
