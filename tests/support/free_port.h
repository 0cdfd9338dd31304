// Ports for servers that a test restarts on the same port.
#pragma once

namespace syncline::testing {

// A TCP port of the loopback address that is free now, chosen at random below the range from which
// the kernel takes the ports of outgoing connections, so that no connection of another test takes
// the port while its server is down. Fails the test and returns 0 if none is free.
int FreePort();

}  // namespace syncline::testing
