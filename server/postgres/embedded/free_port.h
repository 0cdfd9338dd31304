// Finds loopback ports. Stateless: safe from any thread.
#pragma once

namespace syncline::postgres {

// Returns whether no program listens on the loopback port.
bool PortIsFree(int port);

// Returns a loopback port that is free now, or 0. Another program may take it at any time.
int FreePort();

}  // namespace syncline::postgres
