// Cryptographically secure random bytes.
#pragma once

#include <cstddef>
#include <string>

namespace syncline {

// Returns `count` bytes from the system's secure generator. Aborts the process if there is none.
std::string RandomBytes(size_t count);

}  // namespace syncline
