// The environment variables of the programs, which all begin with SYNCLINE_.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace syncline {

// Returns the variables that set flags of syncline-server or syncline, in alphabetical order.
absl::Span<const absl::string_view> ProgramVariables();

// Returns the names in `environment` that begin with SYNCLINE_ and have no meaning, such as
// misspelled ones and those of another version. `environment` is an array of "NAME=value" that ends
// with a null pointer. Not returned are variables that Kubernetes adds for a Service whose name
// begins with "syncline", and those that the scripts and tests read (SYNCLINE_TEST_,
// SYNCLINE_BUILD_, SYNCLINE_SETUP_ and a few more).
std::vector<std::string> UnknownVariables(const char* const* environment);

}  // namespace syncline
