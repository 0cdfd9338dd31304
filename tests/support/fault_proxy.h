// A TCP proxy on loopback that does to its connections what networks do: it delays, cuts, falls
// silent, slices and truncates, each way by itself, and can be told so at any time.
//
// It knows no protocol. What a silent way was given before stays in the proxy and in the kernels'
// buffers, as it stays with the sender of a broken link, and goes on when the way is healed; an end
// that closes meanwhile is not announced to the other. An order holds once its call has returned.
// Thread-safe; one thread of its own moves the bytes of all connections. Its owner outlives nobody:
// the destructor cuts everything.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/listening_socket.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline::testing {

enum class ProxyWay { kToServer, kToClient };

struct ProxyFaults {
  // Each piece is held for so long.
  absl::Duration delay = absl::ZeroDuration();
  // Nothing is taken or given.
  bool silent = false;
  // So many bytes a segment; 0 is as they come.
  int64_t slice_bytes = 0;
  // Closes a connection, both ways, once it has passed on so many bytes this way; -1 is never.
  int64_t truncate_at = -1;
};

class FaultProxy {
 public:
  // Listens on a port that it picks and connects to `target_port` of 127.0.0.1, once a caller has
  // connected. A caller is reset when nobody listens there. Errors: those of ListeningSockets.
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(int target_port);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  int port() const { return listener_.port(); }
  // "127.0.0.1:port"
  std::string address() const;

  // For connections that are open and those to come.
  void Set(ProxyWay way, ProxyFaults faults);
  // Both ways.
  void Silence();
  // No faults any more.
  void Heal();
  // Resets every open connection at both ends; returns how many there were.
  int Cut();
  // Whether new connections are reset at once.
  void RefuseNew(bool refuse);

  // Connections that are open now, and all that callers have made.
  int connections() const;
  int64_t accepted() const;
  // The first 64 KiB that the latest caller sent.
  std::string captured() const;

 private:
  struct Faults {
    ProxyFaults to_server;
    ProxyFaults to_client;
    bool refuse_new = false;
  };
  class Link;

  FaultProxy(ListeningSockets listener, int target_port, int wake_fd);
  void Wake();
  // Waits until the thread has seen the orders as they are now.
  void WaitUntilTaken() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  Faults TakeOrders();
  void Accept(const Faults& faults);
  void NoteConnections();

  ListeningSockets listener_;
  const int target_port_;
  const int wake_fd_;
  std::list<Link> links_;  // of the thread
  mutable Mutex mutex_;
  CondVar taken_changed_;
  Faults faults_ ABSL_GUARDED_BY(mutex_);
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t orders_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t accepted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string captured_ ABSL_GUARDED_BY(mutex_);
  int last_cut_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;  // last: it uses all above
};

}  // namespace syncline::testing
