#include "server/dataflow/text/json_string.h"

#include <cstddef>
#include <cstring>

#include "base/utf8.h"

namespace syncline::dataflow {

UnescapedText Unescape(absl::string_view body, NulPolicy nul, ScratchArena* scratch) {
  UnescapedText result;
  // No escape is shorter than the character that it represents.
  char* const start = scratch->Allocate(body.size());
  char* out = start;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    const char* event = FindStringEvent(p, end);
    std::memcpy(out, p, static_cast<size_t>(event - p));
    out += event - p;
    p = event;
    if (p == end) break;
    if (*p != '\\') return result;
    const Escape escape = ReadEscape(p + 1, end);
    if (escape.next == nullptr) return result;
    p = escape.next;
    const bool dropped = escape.code_point == 0 && nul == NulPolicy::kRemove;
    if (dropped || escape.lone_surrogate) result.cleaned = true;
    if (!dropped) out = WriteUtf8(escape.code_point, out);
  }
  scratch->TrimTo(out);
  result.valid = true;
  result.text = absl::string_view(start, static_cast<size_t>(out - start));
  return result;
}

}  // namespace syncline::dataflow
