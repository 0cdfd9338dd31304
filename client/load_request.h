// What the flags of `syncline load` ask of the server. Pure, any thread.
#pragma once

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/load_end.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// The request without its schema. INVALID_ARGUMENT when the flags do not fit each other.
absl::StatusOr<v1::StartSyncRequest> MakeLoadRequest(const CommandLine& command_line);

EndRules MakeEndRules(const CommandLine& command_line);

}  // namespace syncline::client
