// The environment variables of the programs, which all begin with SYNCLINE_.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace syncline {

// The variables that stand in for flags of syncline-server or syncline, in alphabetical order.
absl::Span<const absl::string_view> ProgramVariables();

// Names in `environment`, an array of "NAME=value" that ends with a null pointer, that begin with
// SYNCLINE_ and mean nothing: misspelt ones, and those of another version. Left out: what
// Kubernetes adds for a Service whose name begins with "syncline", and what the scripts and the
// tests read (SYNCLINE_TEST_, SYNCLINE_BUILD_, SYNCLINE_SETUP_ and a few more).
std::vector<std::string> UnknownVariables(const char* const* environment);

}  // namespace syncline
