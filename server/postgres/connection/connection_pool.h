// Pool of data connections: libpq connections for COPY, which stay open between flushes.
//
// It never waits for a free connection. A fixed number of threads flushes blocks, opens and
// releases writers, and that number bounds the open connections. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"

namespace syncline::postgres {

class ConnectionPool {
 public:
  explicit ConnectionPool(ConnectionOptions options);

  // A leased connection. The destructor returns it to the pool, or closes it if it is no longer
  // usable. The pool must outlive it.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    ~Lease();
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    friend class ConnectionPool;
    Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}

    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Returns an idle connection or opens a new one. Errors: those of Connection::Open.
  absl::StatusOr<Lease> Acquire();
  // Returns an idle connection, or nullopt. Does not block.
  std::optional<Lease> TryAcquire();

  // Opens a connection that the caller owns and that does not belong to the pool, for LISTEN.
  // Errors: those of Connection::Open.
  absl::StatusOr<std::unique_ptr<Connection>> OpenUnpooled() const {
    return Connection::Open(options_);
  }

  // Closes the idle connections. Call it after a connection broke, because the idle ones have
  // probably broken, too.
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
