// Checks a StartSync request and converts it into a draft: reads schemas, validates names and ids.
// Does no I/O.
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
  // Digest of the whole request: equal requests have equal digests.
  std::string digest;
  // If true, a stream that cannot start does not stop the others.
  bool allow_partial = false;
  // If true, nothing is started, and sync_id must be empty.
  bool plan_only = false;
  // If true, a stream whose schema does not exist cannot start.
  bool existing_schemas_only = false;
  // If true, the sync accepts more streams later; if it exists, it gets these.
  bool extend = false;
  std::string input_digest;
  Identity caller;
};

// Returns the draft of `request`. With allow_partial, the errors of a stream concern that stream
// only: it is kFailed in the draft, under a name that the ledger can store. Errors:
// INVALID_ARGUMENT with the violations found; UNIMPLEMENTED HYBRID_REFRESH; PERMISSION_DENIED for
// reserved schemas, and SCHEMA_NOT_ALLOWED for schemas that the caller's token does not allow.
absl::StatusOr<write::SyncDraft> CheckStartRequest(const StartRequest& request,
                                                   const StartLimits& limits);

}  // namespace syncline::sync
