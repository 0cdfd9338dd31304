// A number of bytes as people write it: 65536, 64KiB, 128MiB, 1GiB; k, M and G are powers of 1024
// as well.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::config {

struct ByteSize {
  int64_t bytes = 0;
};

// Flag support: found by argument-dependent look-up. Refuses negative sizes, unknown suffixes and
// overflow.
bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error);
// The shortest exact form, e.g. "128MiB".
std::string AbslUnparseFlag(ByteSize size);

}  // namespace syncline::config
