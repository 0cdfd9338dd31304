// What CompleteStream asks for.
#pragma once

#include <cstdint>
#include <optional>

#include "server/model/stream.h"

namespace syncline {

struct CompletionRequest {
  bool complete = false;  // COMPLETE, else INCOMPLETE
  std::optional<int64_t> expected_records = std::nullopt;
  // With INCOMPLETE: what is staged is dropped instead of kept.
  bool discard_staged = false;
  // With discard_staged: what earlier syncs staged is kept.
  bool keep_earlier = false;
  // Holds for this call instead of the stream's own.
  std::optional<PublishGuard> guard = std::nullopt;
};

}  // namespace syncline
