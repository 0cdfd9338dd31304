// Whether bytes are UTF-8. Pure, any thread.
#pragma once

#include "absl/strings/string_view.h"

namespace syncline::client {

// Without surrogates, overlong forms and code points above U+10FFFF.
bool IsUtf8(absl::string_view bytes);

}  // namespace syncline::client
