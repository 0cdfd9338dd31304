// How many descriptors (files and connections) this process may have open.
#pragma once

#include <cstdint>

namespace syncline {

// Raises the limit to what the system allows this process: the usual 1,024 is what callers alone
// may need. Called by main before any thread runs. Where it cannot be raised it stays.
void RaiseDescriptorLimit();

// The limit as it is now.
int64_t DescriptorLimit();

}  // namespace syncline
