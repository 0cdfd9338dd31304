#include "server/model/generation.h"

namespace syncline {

GenerationRange ResolveGeneration(const GenerationRequest& request, int64_t current) {
  if (request.generation_id.has_value() && request.minimum_generation_id.has_value()) {
    return {*request.generation_id, *request.minimum_generation_id};
  }
  if (request.overwrite) return {current + 1, current + 1};
  return {current, 0};
}

LoaderKind LoaderFor(WriteMode mode, const GenerationRange& range) {
  const bool replaces = range.minimum_id > 0;
  switch (mode) {
    case WriteMode::kAppend:
      return replaces ? LoaderKind::kAppendTruncate : LoaderKind::kAppend;
    case WriteMode::kDedup:
      return replaces ? LoaderKind::kDedupTruncate : LoaderKind::kDedup;
  }
  return LoaderKind::kAppend;
}

}  // namespace syncline
