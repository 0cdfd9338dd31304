// Text as a JSON string. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

// Appends `text` as a JSON string with quotes. Bytes that are not UTF-8 are appended unchanged.
void AppendJsonString(absl::string_view text, std::string* out);
std::string JsonString(absl::string_view text);

}  // namespace syncline
