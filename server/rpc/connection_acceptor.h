// Accepts the callers' connections and hands them to gRPC, at most so many at once.
//
// Ours rather than gRPC 1.51's own, which never accepts again once the process had no descriptor
// left (CVE-2023-4785). Owned by rpc::Server. Thread-safe, but for Start and Stop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/line_limiter.h"
#include "base/listening_socket.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline::rpc {

class ConnectionAcceptor {
 public:
  // Takes a connection over: `descriptor` does not block and is the function's to close.
  using Take = std::function<void(int listening_descriptor, int descriptor)>;

  // A connection beyond `max_connections` is closed at once.
  ConnectionAcceptor(ListeningSockets sockets, int64_t max_connections, Take take);
  // Stop().
  ~ConnectionAcceptor();

  // Starts the thread that accepts. Errors: FAILED_PRECONDITION LISTEN_FAILED.
  absl::Status Start();
  // When it returns, no connection is accepted or handed over, and callers are refused: they go to
  // another server. Safe to call twice.
  void Stop();

  const ListeningSockets& sockets() const { return sockets_; }
  // Connections that are open now.
  int64_t connections();
  // Connections that were closed because there were too many, ever.
  int64_t refused();

 private:
  void Run();
  void AcceptFrom(int listening_descriptor);
  // Whether there is room for one more; counts it.
  bool Admit(int descriptor);
  void ForgetClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refuse(int descriptor, absl::string_view why);
  // Accepts and closes one connection with the descriptor that is held in reserve.
  void RefuseWithReserve(int listening_descriptor);

  ListeningSockets sockets_;
  const int64_t max_connections_;
  const Take take_;
  int wake_[2] = {-1, -1};  // a pipe: written to end the thread
  int reserve_ = -1;
  LineLimiter refusals_;
  std::unique_ptr<Thread> thread_;

  Mutex mutex_;
  // gRPC closes a connection without a word, and the number may then be another socket's: the inode
  // tells them apart.
  std::map<int, ino_t> open_ ABSL_GUARDED_BY(mutex_);
  absl::Time counted_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::rpc
