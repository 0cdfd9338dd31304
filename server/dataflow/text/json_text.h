// JSON text as jsonb takes it: checks the whole grammar and rewrites only what PostgreSQL could not
// store.
//
// One pass over the bytes, no recursion; UTF-8 is taken to be checked already.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// Arrays and objects within each other that a value may have to be stored.
inline constexpr int kMaxJsonDepth = 512;
// ... and that are looked at at all: a record with deeper ones is rejected.
inline constexpr int kMaxScanDepth = 1024;
// The longest text of one field.
inline constexpr int64_t kMaxFieldBytes = int64_t{255} << 20;
// Values within one jsonb value. PostgreSQL allocates up to 72 bytes for each, doubling, in one
// piece of at most 1 GiB, and its binary form (up to 12 bytes beside the text for each) must stay
// under 256 MiB.
inline constexpr int64_t kMaxJsonValues = int64_t{1} << 23;
inline constexpr int64_t kMaxJsonbBytes = (int64_t{1} << 28) - 1;

enum class JsonStatus { kValid, kInvalid, kTooDeep };

enum class JsonStyle {
  kAsIs,     // white space stays
  kCompact,  // white space outside of strings goes
};

struct CheckedJson {
  JsonStatus status = JsonStatus::kInvalid;
  // The text to store: the input itself when nothing had to change, else in the scratch space.
  absl::string_view text;
  bool not_finite = false;  // NaN, Infinity or -Infinity became null
  bool cleaned = false;     // \u0000 was removed or a lone surrogate became U+FFFD
  bool fits_jsonb = true;   // false: too deep, too large, or a number beyond numeric's limits
};

// Whether `token`, which CheckJson takes, is one of NaN, Infinity and -Infinity. JSON has no such
// values, but Python's writers and others write them; CheckJson takes them where a value may stand.
inline bool IsNotFinite(absl::string_view token) {
  return token[0] == 'N' || token[0] == 'I' ||
         (token[0] == '-' && token.size() > 1 && token[1] == 'I');
}

// `json` is one value, with white space around it or without.
CheckedJson CheckJson(absl::string_view json, JsonStyle style, ScratchArena* scratch);

}  // namespace syncline::dataflow
