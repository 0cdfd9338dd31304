// A TCP address that is listened on: what `--listen` and `--metrics_listen` name.
#pragma once

#include <netdb.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline {

// Sockets that listen on one port. Owned: the destructor closes them. For one thread.
class ListeningSockets {
 public:
  // `address` is "HOST:PORT"; an IPv6 host stands in brackets, port 0 picks one. A name is listened
  // on at all its addresses that this machine has; the wildcard of either family takes callers of
  // both where the machine has both. The sockets do not block and close on exec.
  // Errors: INVALID_ARGUMENT when `address` is not one; FAILED_PRECONDITION LISTEN_FAILED with the
  // system's own words.
  static absl::StatusOr<ListeningSockets> Open(absl::string_view address);

  ~ListeningSockets();
  ListeningSockets(ListeningSockets&& other) noexcept;
  ListeningSockets& operator=(ListeningSockets&&) = delete;

  // Empty once closed.
  const std::vector<int>& descriptors() const { return descriptors_; }
  int port() const { return port_; }

  // From now on callers are refused; those that are not accepted yet are cut off.
  void Close();

  // A socket of the caller's that is connecting to the first address, as a caller's would; it does
  // not block. -1 when the system refuses one.
  int Connect() const;

 private:
  ListeningSockets() = default;
  // All addresses of the list. Errors: NOT_FOUND when none is of this machine; UNAVAILABLE.
  absl::Status ListenAtAll(const addrinfo& first);
  // 0, or the errno of what failed.
  int Listen(const addrinfo& address);

  std::vector<int> descriptors_;
  int port_ = 0;
};

}  // namespace syncline
