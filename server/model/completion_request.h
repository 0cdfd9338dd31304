// The parameters of CompleteStream.
#pragma once

#include <cstdint>
#include <optional>

#include "server/model/stream.h"

namespace syncline {

struct CompletionRequest {
  bool complete = false;  // COMPLETE, otherwise INCOMPLETE
  std::optional<int64_t> expected_records = std::nullopt;
  // With INCOMPLETE: drop the staged rows instead of keeping them.
  bool discard_staged = false;
  // With discard_staged: keep the rows that earlier syncs staged.
  bool keep_earlier = false;
  // Replaces the stream's own guard for this call.
  std::optional<PublishGuard> guard = std::nullopt;
};

}  // namespace syncline
