// OpenConnections: the client connections that are open, and what each of them has received.
//
// gRPC does not tell how much of a message has arrived; the kernel knows how many bytes of a
// connection have. So a connection that has received more than the messages that arrived on it is
// in the middle of another message. Thread-safe.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

// One client connection. It may have been closed. Thread-safe.
class ClientConnection {
 public:
  // `inode` is that of the socket.
  ClientConnection(int descriptor, ino_t inode) : descriptor_(descriptor), inode_(inode) {}

  // gRPC closes a connection without a notification, and the descriptor may then be that of another
  // socket; the inode shows the difference.
  bool is_open() const;
  // A whole message of `bytes` has arrived.
  void NoteMessage(int64_t bytes) { message_bytes_ += bytes; }
  // Returns how many bytes beyond those of whole messages the connection has received since it was
  // opened, which include headers and framing. Returns nullopt if the connection is closed.
  std::optional<int64_t> UnfinishedBytes() const;

 private:
  const int descriptor_;
  const ino_t inode_;
  std::atomic<int64_t> message_bytes_{0};
};

class OpenConnections {
 public:
  explicit OpenConnections(int64_t max) : max_(max) {}

  // Adds the connection `descriptor` of a client at `address`. Returns false if there are as many
  // connections as there may be.
  bool Admit(int descriptor, const sockaddr_storage& address);
  // Returns the connection of a call whose grpc::ServerContext returns `peer`, or null if it is not
  // known or closed.
  std::shared_ptr<ClientConnection> Find(absl::string_view peer) const;
  int64_t Count();
  int64_t max() const { return max_; }

 private:
  struct Open {
    std::string peer;
    std::shared_ptr<ClientConnection> connection;
  };
  using ByDescriptor = std::map<int, Open>;

  ByDescriptor::iterator Forget(ByDescriptor::iterator open) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t max_;
  mutable Mutex mutex_;
  ByDescriptor open_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<ClientConnection>, std::less<>> by_peer_
      ABSL_GUARDED_BY(mutex_);
  absl::Time counted_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// Returns `address` as grpc::ServerContext::peer does, such as "ipv4:10.0.0.1:4711", or an empty
// string if it is not an internet address.
std::string FormatPeer(const sockaddr_storage& address);

}  // namespace syncline::rpc
