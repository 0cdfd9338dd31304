// Sockets for a TCP address to listen on, as given by `--listen` and `--metrics_listen`.
#pragma once

#include <netdb.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline {

// Sockets that listen on one port. The destructor closes them. For use by one thread.
class ListeningSockets {
 public:
  // `address` is "HOST:PORT" with an IPv6 host in brackets; port 0 picks a free port. A name
  // listens on all of its addresses that this machine has. The wildcard of either family accepts
  // clients of both if the machine has both. The sockets are non-blocking and close on exec.
  // Errors: INVALID_ARGUMENT if `address` is malformed; FAILED_PRECONDITION LISTEN_FAILED with the
  // system's message.
  static absl::StatusOr<ListeningSockets> Open(absl::string_view address);

  ~ListeningSockets();
  ListeningSockets(ListeningSockets&& other) noexcept;
  ListeningSockets& operator=(ListeningSockets&&) = delete;

  // Empty after Close.
  const std::vector<int>& descriptors() const { return descriptors_; }
  int port() const { return port_; }

  // Stops listening. New connections are refused, and those not accepted yet are closed.
  void Close();

  // Returns a non-blocking socket that is connecting to the first address, as a client's would. The
  // caller owns it. Returns -1 if the system provides no socket.
  int Connect() const;

 private:
  ListeningSockets() = default;
  // Listens on all addresses of the list. Errors: NOT_FOUND if none belongs to this machine;
  // UNAVAILABLE.
  absl::Status ListenOnAll(const addrinfo& first);
  // Returns 0 or the errno of the call that failed.
  int Listen(const addrinfo& address);

  std::vector<int> descriptors_;
  int port_ = 0;
};

}  // namespace syncline
