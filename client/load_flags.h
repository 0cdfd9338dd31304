// The flags of `syncline load`. Pure functions; any thread.
#pragma once

#include <vector>

#include "client/cli.h"

namespace syncline::client {

// What is loaded, and where to.
std::vector<Flag> LoadFlags();

// How the input is read.
std::vector<Flag> InputFlags();

// What must hold before a table is changed.
std::vector<Flag> GuardFlags();

}  // namespace syncline::client
