// Generates sync ids for runs without a --sync_id.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns `prefix`, "-" and 16 random hexadecimal digits.
std::string RandomSyncId(absl::string_view prefix);

}  // namespace syncline::client
