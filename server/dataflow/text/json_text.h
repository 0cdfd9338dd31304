// Prepares JSON text for jsonb: checks the whole grammar and rewrites only what PostgreSQL cannot
// store.
//
// Makes one pass over the bytes, without recursion. The input must be valid UTF-8.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// Maximum nesting depth of arrays and objects in a value that is stored.
inline constexpr int kMaxJsonDepth = 512;
// Maximum nesting depth that is checked. A record with a deeper value is rejected.
inline constexpr int kMaxScanDepth = 1024;
// Maximum size of the text of one field.
inline constexpr int64_t kMaxFieldBytes = int64_t{255} << 20;
// Maximum number of values within one jsonb value. PostgreSQL allocates up to 72 bytes per value,
// in one array that grows by doubling to at most 1 GiB. The binary form, which adds up to 12 bytes
// per value to the text, must stay below 256 MiB.
inline constexpr int64_t kMaxJsonValues = int64_t{1} << 23;
inline constexpr int64_t kMaxJsonbBytes = (int64_t{1} << 28) - 1;

enum class JsonStatus { kValid, kInvalid, kTooDeep };

enum class JsonStyle {
  kAsIs,     // keeps white space
  kCompact,  // removes white space outside strings
};

struct CheckedJson {
  JsonStatus status = JsonStatus::kInvalid;
  // The text to store: the input itself if nothing had to change, otherwise in the scratch space.
  absl::string_view text;
  bool not_finite = false;  // NaN, Infinity or -Infinity became null
  bool cleaned = false;     // \u0000 was removed or a lone surrogate became U+FFFD
  bool fits_jsonb = true;  // false if too deep, too large, or with a number beyond numeric's limits
};

// Returns whether `token`, which CheckJson accepts, is one of NaN, Infinity and -Infinity. They are
// not JSON, but Python and other programs write them, so CheckJson accepts them as values.
inline bool IsNotFinite(absl::string_view token) {
  return token[0] == 'N' || token[0] == 'I' ||
         (token[0] == '-' && token.size() > 1 && token[1] == 'I');
}

// Checks `json`, which is one value with optional white space around it.
CheckedJson CheckJson(absl::string_view json, JsonStyle style, ScratchArena* scratch);

}  // namespace syncline::dataflow
