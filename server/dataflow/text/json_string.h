// Resolves the escapes of JSON strings, whose ends base/json_scanner.h finds.
//
// The input must be valid UTF-8; the caller has checked that.
#pragma once

#include "absl/strings/string_view.h"
#include "base/json_scanner.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

enum class NulPolicy { kRemove, kKeep };

struct UnescapedText {
  bool valid = false;
  bool cleaned = false;  // a NUL was removed or a lone surrogate replaced
  absl::string_view text;
};
// Resolves the escapes of `body`, the text between the quotes. The result is in the scratch space.
UnescapedText Unescape(absl::string_view body, NulPolicy nul, ScratchArena* scratch);

}  // namespace syncline::dataflow
