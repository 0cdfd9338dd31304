// Checks UTF-8, cuts it between characters and writes it. Pure functions; any thread.
//
// The parsers of server/dataflow check whole batches with simdjson instead, which is faster but
// must not be used here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

// The UTF-8 form of U+FFFD, which replaces what is not a character.
inline constexpr char kReplacementUtf8[] = "\xEF\xBF\xBD";

// Returns whether `byte` is 10xxxxxx, which continues a character.
inline bool ContinuesCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Returns the length of the well-formed character (Unicode, table 3-7) at the start of `text`, or 0
// if there is none: surrogates, overlong forms and code points above U+10FFFF are not characters.
size_t GetCharacterLength(absl::string_view text);

// Returns the position of the first byte that is not part of a well-formed character, or the size
// of `text` if there is none.
size_t FindInvalidUtf8(absl::string_view text);

// Returns whether `text` consists of well-formed characters.
bool IsUtf8(absl::string_view text);

// Returns the head of `text`, at most `bytes` long, cut between characters. If `text` is not UTF-8,
// the head is at most 3 bytes shorter than `bytes`.
absl::string_view CutAtCharacter(absl::string_view text, size_t bytes);

// Returns `text` as UTF-8 of at most `bytes` bytes, cut between characters. Bytes that are not part
// of a character become U+FFFD.
std::string ToUtf8(absl::string_view text, size_t bytes);

// Writes the UTF-8 form of `code_point` (at most 4 bytes) and returns the position after it.
char* WriteUtf8(uint32_t code_point, char* out);

}  // namespace syncline
