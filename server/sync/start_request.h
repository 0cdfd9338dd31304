// What StartSync asks for, checked and turned into a draft: schemas read, names and ids judged.
// No I/O.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/access_token.h"
#include "server/model/stream.h"
#include "server/sync/stream_check.h"
#include "server/write/sync_draft.h"

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
  Identity caller;
};

// With allow_partial the faults of a stream are the stream's: it is kFailed in the draft, under a
// name that the ledger can hold. Errors: INVALID_ARGUMENT with every violation found; UNIMPLEMENTED
// HYBRID_REFRESH; PERMISSION_DENIED for reserved schemas, and SCHEMA_NOT_ALLOWED for those that the
// caller's token does not name.
absl::StatusOr<write::SyncDraft> CheckStartRequest(const StartRequest& request,
                                                   const StartLimits& limits);

}  // namespace syncline::sync
