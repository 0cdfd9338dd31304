// Checks UTF-8. Pure function; any thread.
#pragma once

#include "absl/strings/string_view.h"

namespace syncline::client {

// Returns whether `bytes` are valid UTF-8: without surrogates, overlong forms and code points above
// U+10FFFF.
bool IsUtf8(absl::string_view bytes);

}  // namespace syncline::client
