// A TCP proxy on loopback that simulates network faults: it delays, cuts, silences, slices and
// truncates connections, each direction separately, and can be reconfigured at any time.
//
// The proxy does not interpret the protocol. Data that a direction received before it was silenced
// stays in the proxy and in the kernels' buffers, as it stays with the sender on a broken link, and
// is forwarded once the direction is healed. If one end closes while its direction is silent, the
// other end is not notified. A change is in effect when its call has returned. Thread-safe; one
// internal thread moves the bytes of all connections. The destructor cuts every connection.
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
  // Each piece is held for this long.
  absl::Duration delay = absl::ZeroDuration();
  // Nothing is read or written.
  bool silent = false;
  // Maximum bytes per segment; 0 forwards the data as it arrives.
  int64_t slice_bytes = 0;
  // Closes a connection in both directions once this direction has forwarded this many bytes; -1
  // disables it.
  int64_t truncate_at = -1;
};

class FaultProxy {
 public:
  // Listens on a free port. Connects to `target_port` of 127.0.0.1 for each caller that connects,
  // and resets the caller if that port is closed. Errors: those of ListeningSockets.
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(int target_port);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  int port() const { return listener_.port(); }
  // "127.0.0.1:port"
  std::string address() const;

  // Applies to open and to new connections.
  void Set(ProxyWay way, ProxyFaults faults);
  // Silences both directions.
  void Silence();
  // Silences one open connection in the direction to its client. `port` is the one that the server
  // sees as its client's.
  void WithholdReplies(int port);
  // Removes all faults.
  void Heal();
  // Resets every open connection at both ends. Returns how many there were.
  int Cut();
  // Sets whether new connections are reset at once.
  void RefuseNew(bool refuse);

  // Connections that are open now, and the total that callers have opened.
  int connections() const;
  int64_t accepted() const;
  // The first 64 KiB that the latest caller sent.
  std::string captured() const;

 private:
  struct Faults {
    ProxyFaults to_server;
    ProxyFaults to_client;
    bool refuse_new = false;
    // Ports that the server sees, of connections whose replies are withheld.
    std::vector<int> withheld;
  };
  class Link;

  FaultProxy(ListeningSockets listener, int target_port, int wake_fd);
  void Wake();
  // Waits until the thread has applied the current orders.
  void WaitUntilApplied() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  Faults TakeOrders();
  void Accept(const Faults& faults);
  void NoteConnections();

  ListeningSockets listener_;
  const int target_port_;
  const int wake_fd_;
  std::list<Link> links_;  // used by the thread only
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
  std::unique_ptr<Thread> thread_;  // last: it uses all members above
};

}  // namespace syncline::testing
