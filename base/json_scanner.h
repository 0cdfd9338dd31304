// Finds the ends of JSON strings and numbers, and reads escapes. The server's parser and the
// command line share these functions.
//
// Nothing is copied, and no function looks at whether the text is UTF-8. Pure functions; any
// thread.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline {

// Returns whether `c` is white space in JSON.
inline bool IsJsonSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Returns whether `c` is a decimal digit.
inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Returns the position after the digits at `p`.
inline const char* SkipDigits(const char* p, const char* end) {
  while (p != end && IsDigit(*p)) ++p;
  return p;
}

// Returns the position after the JSON number that starts at `begin`, or null if there is no number.
const char* SkipJsonNumber(const char* begin, const char* end);

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

// As SkipString, but accepts any character after a backslash, so that only the end must be found.
const char* SkipStringUnchecked(const char* begin, const char* end);

}  // namespace syncline
