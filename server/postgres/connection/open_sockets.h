// The sockets of all database connections, so that blocked calls can be interrupted. libpq itself
// waits for a reply without a timeout.
//
// Thread-safe.
#pragma once

#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace syncline::postgres {

class OpenSockets {
 public:
  // An open socket, held by a duplicate descriptor. libpq may close its own descriptor at any time,
  // and the number may then be reused. Must be destroyed before the OpenSockets.
  class Entry {
   public:
    // Takes ownership of `fd`, which may be -1. `sockets` may be null.
    Entry(OpenSockets* sockets, int fd) : sockets_(sockets), fd_(fd) {}
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // Shuts this socket down. Data that is not sent yet is dropped when the socket is closed. Does
    // not block. Thread-safe.
    void Abort();

   private:
    OpenSockets* const sockets_;
    const int fd_;
  };
  // Registers a duplicate of `fd`. The caller keeps `fd`.
  std::unique_ptr<Entry> Add(int fd);
  // Like Add if `sockets` is not null. Otherwise the duplicate belongs to no registry.
  static std::unique_ptr<Entry> Duplicate(OpenSockets* sockets, int fd);

  // Shuts all registered sockets down. Blocked calls fail with a broken connection, and idle
  // connections fail at their next use. Returns the number of sockets that were not shut down
  // before.
  int ShutDown();

 private:
  Mutex mutex_;
  std::set<int> fds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres
