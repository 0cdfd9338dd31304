// Strings of JSON text: finding their end and undoing their escapes.
//
// Bytes are taken to be UTF-8 already; the line's reader has checked that.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// The UTF-8 form of U+FFFD, which stands for a surrogate without its other half.
inline constexpr char kReplacementUtf8[] = "\xEF\xBF\xBD";

// The first '"', '\\' or control character of [begin, end); `end` when there is none.
const char* FindStringEvent(const char* begin, const char* end);

bool HasBackslash(absl::string_view text);

// One escape: what stands behind a backslash.
struct Escape {
  const char* next = nullptr;  // behind the escape; null when it is not valid
  uint32_t code_point = 0;
  bool lone_surrogate = false;  // code_point is U+FFFD then
};
// Reads the escape whose backslash stands before `begin`. A pair of surrogates is one escape.
Escape ReadEscape(const char* begin, const char* end);

// The string from its opening quote at `begin` on: the position behind the closing quote, null when
// the string is not valid. `escaped` says whether there is a backslash.
const char* SkipString(const char* begin, const char* end, bool* escaped);

enum class NulPolicy { kRemove, kKeep };

struct UnescapedText {
  bool valid = false;
  bool cleaned = false;  // a NUL was removed or a lone surrogate replaced
  absl::string_view text;
};
// `body` is what stands between the quotes. The text is `body` itself when there is nothing to
// undo.
UnescapedText Unescape(absl::string_view body, NulPolicy nul, ScratchArena* scratch);

// Writes the UTF-8 form of `code_point` (at most 4 bytes) and returns the position behind it.
char* WriteUtf8(uint32_t code_point, char* out);

}  // namespace syncline::dataflow
