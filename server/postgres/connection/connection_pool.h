// The data connections: libpq connections for COPY, kept open between flushes.
//
// Never waits: whoever flushes is one of a fixed number of threads, so at most that many
// connections are open. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"

namespace syncline::postgres {

class ConnectionPool {
 public:
  explicit ConnectionPool(ConnectionOptions options);

  // A connection on loan; goes back to the pool, or is closed when it is not usable any more. The
  // pool outlives it.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    ~Lease();
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    // True when the connection was open before: it may have gone stale without anyone noticing.
    bool reused() const { return reused_; }

   private:
    friend class ConnectionPool;
    Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection, bool reused)
        : pool_(pool), connection_(std::move(connection)), reused_(reused) {}

    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
    bool reused_;
  };

  // An idle connection, else a new one. Errors: those of Connection::Open.
  absl::StatusOr<Lease> Acquire();

  // A connection for good, which never comes back to the pool: for LISTEN. Errors: as Acquire.
  absl::StatusOr<std::unique_ptr<Connection>> OpenOwn() const { return Connection::Open(options_); }

  // Closes the idle connections: after one broke, its siblings are likely stale too.
  void CloseIdle();

  int64_t idle() const;
  int64_t busy() const;

 private:
  void Return(std::unique_ptr<Connection> connection);

  const ConnectionOptions options_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
  int64_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::postgres
