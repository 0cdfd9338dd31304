// A number of bytes in human-readable form: 65536, 64KiB, 128MiB, 1GiB. k, M and G are powers of
// 1024, too.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::config {

struct ByteSize {
  int64_t bytes = 0;
};

// Support for flags; abseil finds the functions by argument-dependent lookup. Rejects negative
// sizes, unknown suffixes and overflow.
bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error);
// Returns the shortest exact form, such as "128MiB".
std::string AbslUnparseFlag(ByteSize size);

}  // namespace syncline::config
