// The rules of the source tree: who may include whom, and what may stand where. The table of
// docs/architecture.md, as code.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::testing {

// What is wrong with one file, a line each: "server/rpc/x.cc:12: rule". `path` is relative to the
// repository's root and decides which rules apply.
std::vector<std::string> CheckSource(const std::string& path, absl::string_view content);

}  // namespace syncline::testing
