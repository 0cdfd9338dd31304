// What a user of the command line can do about an error, by its reason. Pure functions; any thread.
//
// docs/errors.md has the same for callers of the API.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns a clause without a capital letter and a full stop. For an error without a reason it
// depends on the code, and is empty if there is nothing to advise.
absl::string_view AdviceFor(const absl::Status& status);

}  // namespace syncline::client
