// Names members of the configuration in explanations, in place of flags that only the other verbs
// have. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns `words`, such as those of Explain, with "server" in the configuration for --server.
std::string NameMembers(absl::string_view words);

}  // namespace syncline::client
