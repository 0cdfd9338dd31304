// SHA-256, for ids and name suffixes that must be the same in every release and on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(absl::string_view bytes);

// Returns the first `digits` (at most 64) lowercase hexadecimal digits of the digest.
std::string Sha256Hex(absl::string_view bytes, size_t digits = 64);

}  // namespace syncline
