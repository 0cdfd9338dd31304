// Generations: what a stream's content belongs to, and which of them may stay.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/model/stream.h"

namespace syncline {

// What a caller asks for: both ids, or none and perhaps an overwrite.
struct GenerationRequest {
  std::optional<int64_t> generation_id;
  std::optional<int64_t> minimum_generation_id;
  bool overwrite = false;
};

// `generation_id` numbers the content; rows of generations below `minimum_id` go away.
struct GenerationRange {
  int64_t generation_id = 0;
  int64_t minimum_id = 0;
};

// The range that `request` means for a table whose greatest known generation is `current` (0:
// none): the ids as given, else the next generation for an overwrite, else the table's own.
GenerationRange ResolveGeneration(const GenerationRequest& request, int64_t current);

// minimum 0 -> append or dedup; minimum = generation -> the truncating one of the same mode.
LoaderKind LoaderFor(WriteMode mode, const GenerationRange& range);

}  // namespace syncline
