#include "server/postgres/connection/connection_pool.h"

#include <utility>

#include "base/status_macros.h"

namespace syncline::postgres {

ConnectionPool::ConnectionPool(ConnectionOptions options) : options_(std::move(options)) {}

ConnectionPool::Lease::~Lease() {
  if (connection_ != nullptr) pool_->Return(std::move(connection_));
}

std::optional<ConnectionPool::Lease> ConnectionPool::TryAcquire() {
  MutexLock lock(&mutex_);
  if (idle_.empty()) return std::nullopt;
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  ++busy_;
  return Lease(this, std::move(connection));
}

absl::StatusOr<ConnectionPool::Lease> ConnectionPool::Acquire() {
  if (std::optional<Lease> idle = TryAcquire()) return *std::move(idle);
  SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(options_));
  MutexLock lock(&mutex_);
  ++busy_;
  return Lease(this, std::move(connection));
}

void ConnectionPool::Return(std::unique_ptr<Connection> connection) {
  // Closing is I/O. A connection that is not kept is destroyed as a parameter, after the lock.
  MutexLock lock(&mutex_);
  --busy_;
  if (connection->usable()) idle_.push_back(std::move(connection));
}

void ConnectionPool::CloseIdle() {
  std::vector<std::unique_ptr<Connection>> closing;
  MutexLock lock(&mutex_);
  closing.swap(idle_);
}

int64_t ConnectionPool::idle() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(idle_.size());
}

int64_t ConnectionPool::busy() const {
  MutexLock lock(&mutex_);
  return busy_;
}

}  // namespace syncline::postgres
