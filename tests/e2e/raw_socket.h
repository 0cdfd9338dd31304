// Sends arbitrary bytes to a port.
#pragma once

#include <string>

namespace syncline::testing {

// Sends `bytes` to `port` of loopback and returns the peer's answer. Waits until the peer closes
// the connection, at most ten seconds.
std::string Exchange(int port, const std::string& bytes);

}  // namespace syncline::testing
