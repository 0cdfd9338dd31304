// Compresses text, for tests of what reads it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "client/sources/compression.h"

namespace syncline::testing {

// Returns `text`, compressed. The data has checksums, except that of zstd.
std::string Compress(client::Compression compression, absl::string_view text);

}  // namespace syncline::testing
