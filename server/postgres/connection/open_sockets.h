// The sockets of all connections to the database, so that waiting on them can be ended from
// outside: libpq itself waits for an answer for ever.
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
  // A socket that is open, by a descriptor of its own: libpq closes the other one when it likes,
  // and the number may then be somebody else's. Destroyed before the OpenSockets.
  class Entry {
   public:
    // `fd` may be -1.
    Entry(OpenSockets* sockets, int fd) : sockets_(sockets), fd_(fd) {}
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    OpenSockets* const sockets_;
    const int fd_;
  };
  // `fd` stays the caller's.
  std::unique_ptr<Entry> Add(int fd);

  // Shuts all of them down: whoever waits finds his connection broken, and those that are idle are
  // found so when they are used. Returns how many had not been shut down yet.
  int ShutDown();

 private:
  Mutex mutex_;
  std::set<int> fds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres
