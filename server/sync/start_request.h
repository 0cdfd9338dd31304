// What StartSync asks for, checked and turned into a draft: names mapped, schemas read, ids judged.
// No I/O.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/stream.h"
#include "server/write/writer.h"

namespace syncline::sync {

struct StartRequest {
  std::string sync_id;
  std::string connection_id;
  std::vector<StreamConfig> streams;
  // Stands for the whole request: the same request has the same digest.
  std::string digest;
  // A stream that cannot start does not stop the others.
  bool allow_partial = false;
  std::string input_digest;
};

struct StartLimits {
  std::string default_schema;
  std::string ledger_schema;  // refused as a target
  int max_streams = 1000;
};

// Errors: INVALID_ARGUMENT with every violation found; UNIMPLEMENTED HYBRID_REFRESH;
// PERMISSION_DENIED for reserved schemas.
absl::StatusOr<write::SyncDraft> CheckStartRequest(const StartRequest& request,
                                                   const StartLimits& limits);

}  // namespace syncline::sync
