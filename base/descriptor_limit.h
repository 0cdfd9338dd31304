// The maximum number of file descriptors (files and connections) that this process may open.
#pragma once

#include <cstdint>

namespace syncline {

// Raises the limit to the maximum that the system allows this process, because clients alone may
// need the usual 1,024. Called by main before any thread runs. Keeps the limit if it cannot be
// raised.
void RaiseDescriptorLimit();

// Returns the current limit.
int64_t DescriptorLimit();

}  // namespace syncline
