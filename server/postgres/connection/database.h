// The control connections: catalog, DDL, merge, swap and ledger reads run here, on libpqxx.
//
// A small pool. Every connection is opened with TimeZone UTC, DateStyle ISO, client_encoding UTF8,
// synchronous_commit on (where it is off; stronger settings stay), application_name "syncline", TCP
// keepalives and tcp_user_timeout. A connection that broke while it was idle is replaced without an
// error. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct DatabaseOptions {
  // libpq connection string or URI; what it leaves out comes from libpq's own variables. Never
  // logged.
  std::string conninfo;
  // Most connections open at once; a caller waits for a free one.
  int max_connections = 4;
  absl::Duration connect_timeout = absl::Seconds(5);
  // As ConnectionOptions::sockets.
  OpenSockets* sockets = nullptr;
};

struct TransactOptions {
  // 0 leaves the server's setting.
  absl::Duration lock_timeout = {};
  absl::Duration statement_timeout = {};
  // Whether 40001 and 40P01 are tried again (three times); the body then runs again from its start.
  bool retry_conflicts = true;
  // False commits with synchronous_commit off: for what may be lost with a crash of the database.
  bool durable = true;
};

class Database {
 public:
  // Opens nothing yet: the database may be down while the server starts.
  static absl::StatusOr<std::unique_ptr<Database>> Create(DatabaseOptions options);

  virtual ~Database() = default;

  // Runs `body` in a transaction (READ COMMITTED) and commits when it returns OK, else rolls back
  // and returns its error. A broken connection is replaced by the next call. A connection lost
  // during COMMIT is UNAVAILABLE with reason COMMIT_UNKNOWN: the ledger tells whether it happened.
  // An error of a statement that the body hides is returned all the same: such a COMMIT would roll
  // back. Errors: those of the body and of sqlstate.h; UNAVAILABLE DB_UNREACHABLE;
  // FAILED_PRECONDITION DB_AUTH; RESOURCE_EXHAUSTED DB_POOL_EXHAUSTED when no connection was free
  // for 30 s.
  virtual absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                                const TransactOptions& options) = 0;
  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return Transact(body, TransactOptions{});
  }

  // A round trip. Errors as Transact.
  virtual absl::Status Ping() = 0;

  struct Usage {
    int64_t open = 0;  // connections open now
    int64_t busy = 0;  // of these in a transaction
  };
  virtual Usage usage() const = 0;
};

}  // namespace syncline::postgres
