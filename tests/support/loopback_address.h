// Addresses for the sockets of tests, which contact only the loopback address. Stateless: safe from
// any thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace syncline::testing {

// Returns the address of the TCP port on 127.0.0.1. Port 0 lets bind choose a free one.
inline sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace syncline::testing
