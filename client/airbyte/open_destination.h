// Opens the destination that a connector's configuration names.
#pragma once

#include "absl/status/statusor.h"
#include "client/airbyte/config.h"
#include "client/destination.h"

namespace syncline::client {

// Connects to the configured server, or starts one for the configured database. Must be called on
// the main thread. Errors: those of Destination.
absl::StatusOr<Destination> OpenDestination(const DestinationConfig& config);

}  // namespace syncline::client
