// Ports for servers that a test starts and restarts on the same port.
#pragma once

namespace syncline::testing {

// A TCP port of the loopback address. From its construction to its destruction no other
// ReservedPort of any process has the port, and the kernel gives it to no outgoing connection; a
// server that sets SO_REUSEADDR can listen on it. Thread-safe.
class ReservedPort {
 public:
  // Fails the test, and has port 0, if no port is free.
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  int port() const { return port_; }

 private:
  // Bound to the port, but never listening.
  int socket_ = -1;
  int port_ = 0;
};

}  // namespace syncline::testing
