// Bytes that nobody can guess.
#pragma once

#include <cstddef>
#include <string>

namespace syncline {

// From the system's generator for secrets; without one the process aborts.
std::string RandomBytes(size_t count);

}  // namespace syncline
