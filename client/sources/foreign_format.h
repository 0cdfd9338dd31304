// Recognizes files that are neither JSON nor CSV, so that the user learns how to load them. Pure
// functions; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// Bytes at the start of the input that RefuseForeignFormat needs.
inline constexpr size_t kForeignHeadBytes = 1024;

// Returns OK if the input that begins with `head` may be text. Errors: INVALID_ARGUMENT that names
// the format and a command that loads the file. `file` is its name as the user wrote it, or "-".
// `has_encoding` means that the encoding is known, so that NULs do not show that it is not text.
absl::Status RefuseForeignFormat(absl::string_view head, const std::string& file,
                                 bool has_encoding = false);

}  // namespace syncline::client
