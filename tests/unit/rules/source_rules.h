// The rules of the source tree: which modules may include which, and which text is allowed where.
// They implement the table of docs/architecture.md.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::testing {

// Returns the violations in one file, one per line: "server/rpc/x.cc:12: rule". `path` is relative
// to the repository's root and determines which rules apply.
std::vector<std::string> CheckSource(const std::string& path, absl::string_view content);

}  // namespace syncline::testing
