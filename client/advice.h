// What a user can do about an error, by its reason. Pure functions; any thread.
//
// docs/errors.md has the same for callers of the API.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// What the user can change: the flags of a command line, or the configuration of a connector, which
// is the Airbyte destination or the Singer target. A run of a connector is a new sync unless it is
// given the id of one.
enum class Frontend { kCommandLine, kConnector };

// Returns a clause without a capital letter and a full stop. For an error without a reason it
// depends on the code, and is empty if there is nothing to advise.
absl::string_view AdviceFor(const absl::Status& status, Frontend frontend);

}  // namespace syncline::client
