// Keys of runs whose caller gave none.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

// `prefix`, "-" and 16 random hexadecimal digits.
std::string RandomSyncId(absl::string_view prefix);

}  // namespace syncline::client
