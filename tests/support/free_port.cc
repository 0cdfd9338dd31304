#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>

namespace syncline::testing {
namespace {

// Linux takes the ports of outgoing connections from 32768 on.
constexpr int kMinPort = 20000;
constexpr int kMaxPort = 32000;
constexpr int kMaxTries = 100;

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

}  // namespace

int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(kMinPort, kMaxPort);
  for (int i = 0; i < kMaxTries; ++i) {
    const int port = ports(random);
    if (IsFree(port)) return port;
  }
  ADD_FAILURE() << "no free port between " << kMinPort << " and " << kMaxPort;
  return 0;
}

}  // namespace syncline::testing
