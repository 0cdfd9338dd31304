// Bytes to a port, as no client of the protocol would send them.
#pragma once

#include <string>

namespace syncline::testing {

// What the peer at `port` of loopback answers to `bytes` until it closes; at most for ten seconds.
std::string Exchange(int port, const std::string& bytes);

}  // namespace syncline::testing
