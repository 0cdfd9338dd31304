// Suggests the name that the user probably meant. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns " (did you mean X?)", with `prefix` before X, if one of the names is similar to `wrong`;
// else an empty string.
std::string SuggestName(absl::string_view wrong, const std::vector<std::string>& names,
                        absl::string_view prefix = "");

}  // namespace syncline::client
