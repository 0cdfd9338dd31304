#include "tests/support/reserved_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "tests/support/loopback_address.h"

namespace syncline::testing {
namespace {

// Linux takes the ports of outgoing connections from 32768 on.
constexpr int kMinPort = 20000;
constexpr int kMaxPort = 32000;
constexpr int kMaxTries = 100;

// Returns a socket that is bound to the port, or -1 if another socket has the port.
int Bind(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    // Only after bind: before, it would let two reservations have the same port.
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return fd;
  }
  close(fd);
  return -1;
}

}  // namespace

ReservedPort::ReservedPort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(kMinPort, kMaxPort);
  for (int i = 0; i < kMaxTries; ++i) {
    const int port = ports(random);
    socket_ = Bind(port);
    if (socket_ >= 0) {
      port_ = port;
      return;
    }
  }
  ADD_FAILURE() << "no free port between " << kMinPort << " and " << kMaxPort;
}

ReservedPort::~ReservedPort() {
  if (socket_ >= 0) close(socket_);
}

}  // namespace syncline::testing
