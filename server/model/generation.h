// Generations: which generation a sync loads and which generations' rows may stay.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/model/loader_kind.h"
#include "server/model/stream.h"

namespace syncline {

// A caller's request: both ids, or neither and an optional overwrite.
struct GenerationRequest {
  std::optional<int64_t> generation_id;
  std::optional<int64_t> minimum_generation_id;
  bool overwrite = false;
};

// `generation_id` numbers the table's contents. Rows of generations below `minimum_id` are removed.
struct GenerationRange {
  int64_t generation_id = 0;
  int64_t minimum_id = 0;
};

// Returns the range for a table whose latest generation is `current` (0 if it has none): the ids of
// the request, otherwise the next generation for an overwrite, otherwise the current one.
GenerationRange ResolveGeneration(const GenerationRequest& request, int64_t current);

// Returns the loader: append or dedup if the minimum is 0, otherwise the truncating loader of the
// same mode.
LoaderKind LoaderFor(WriteMode mode, const GenerationRange& range);

}  // namespace syncline
