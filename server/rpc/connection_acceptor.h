// Accepts client connections, up to a maximum number at a time, and hands them to gRPC.
//
// The acceptor of gRPC 1.51 is not used because it never accepts again after the process has run
// out of descriptors (CVE-2023-4785). Owned by rpc::Server. Thread-safe except for Start and Stop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/line_limiter.h"
#include "base/listening_socket.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "server/rpc/open_connections.h"

namespace syncline::rpc {

class ConnectionAcceptor {
 public:
  // Takes ownership of `descriptor`, a non-blocking connection, and must close it.
  using Take = std::function<void(int listening_descriptor, int descriptor)>;

  // A connection that `open` does not admit is closed immediately. `open` must outlive the
  // acceptor.
  ConnectionAcceptor(ListeningSockets sockets, OpenConnections* open, Take take);
  // Calls Stop().
  ~ConnectionAcceptor();

  // Starts the accepting thread. Errors: FAILED_PRECONDITION LISTEN_FAILED.
  absl::Status Start();
  // Stops accepting. After it returns, no connection is accepted or handed over, and new ones are
  // refused, so that clients connect to another server. Safe to call twice.
  void Stop();

  const ListeningSockets& sockets() const { return sockets_; }
  // Returns how many connections were closed since the start because there were too many or because
  // no descriptor was left.
  int64_t refused();

 private:
  void Run();
  void AcceptFrom(int listening_descriptor);
  void Refuse(int descriptor, absl::string_view why);
  // Accepts one connection with the reserved descriptor and closes it.
  void RefuseWithReserve(int listening_descriptor);

  ListeningSockets sockets_;
  OpenConnections* const open_;
  const Take take_;
  int wake_[2] = {-1, -1};  // a pipe; closing the write end stops the thread
  int reserve_ = -1;        // freed to accept a connection when no descriptor is left
  LineLimiter refusals_;
  std::unique_ptr<Thread> thread_;

  Mutex mutex_;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::rpc
