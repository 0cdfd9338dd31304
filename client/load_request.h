// Converts the flags of `syncline load` into a request. Pure functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/load_end.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Returns the request without its schema. Errors: INVALID_ARGUMENT if the flags contradict each
// other.
absl::StatusOr<v1::StartSyncRequest> MakeLoadRequest(const CommandLine& command_line);

EndRules MakeEndRules(const CommandLine& command_line);

}  // namespace syncline::client
