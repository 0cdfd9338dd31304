// Who can correct an error, in the terms of the Airbyte protocol. Pure function; any thread.
#pragma once

#include "absl/status/status.h"
#include "client/airbyte/messages.h"

namespace syncline::client {

// Returns kTransient for an error that may end by itself, kConfig for one that the user corrects in
// the configuration, the catalog, the database or its tables, and else kSystem.
FailureType ClassifyFailure(const absl::Status& status);

}  // namespace syncline::client
