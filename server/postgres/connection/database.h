// Pool of control connections, for catalog queries, DDL, merge, swap and the ledger. Uses libpqxx.
//
// Every connection has the settings of session_settings.h and, unless the connection string sets
// them, application_name "syncline", TCP keepalives and tcp_user_timeout. A connection that broke
// while it was idle is replaced without an error. Thread-safe.
//
// The calling thread's Interruption (base/interruption.h) ends the wait for a connection, cancels
// the running statement, rolls back and is the error of Transact. It never cancels a COMMIT: if the
// interruption comes then, Transact returns the result of the COMMIT. A connection for which a
// cancel request was sent is closed.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/postgres/connection/canceller.h"
#include "server/postgres/connection/destination.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct DatabaseOptions {
  // libpq connection string or URI. Options that it omits come from libpq's environment variables.
  // Never logged.
  std::string conninfo;
  // Maximum number of open connections. If all are busy, callers wait for one.
  int max_connections = 4;
  absl::Duration connect_timeout = absl::Seconds(5);
  // Longest wait of a statement for a lock, in transactions that set none. 0 sets no limit.
  absl::Duration lock_timeout = {};
  // The same as ConnectionOptions::sockets and ConnectionOptions::destination.
  OpenSockets* sockets = nullptr;
  Destination* destination = nullptr;
  // Sends the cancel requests. Null: the database makes one of its own. Must outlive the database.
  Canceller* canceller = nullptr;
};

struct TransactOptions {
  // 0 keeps the setting of the database.
  absl::Duration lock_timeout = {};
  absl::Duration statement_timeout = {};
  // Whether conflicts (IsConflict of sqlstate.h) are retried, up to three times. The body runs
  // again from its start.
  bool retry_conflicts = true;
  // False commits with synchronous_commit off, for changes that a crash of the database may lose.
  bool durable = true;
  // False commits without waiting for synchronous standbys (synchronous_commit local), so that
  // locks for which readers wait are released at once. A failover may lose the transaction until a
  // later commit has been confirmed (durable_commit.h).
  bool wait_for_standby = true;
  // False returns as soon as other sessions see the transaction, while PostgreSQL still unlinks the
  // files of the tables and indexes that it dropped, for which only the COMMIT waits (about 0.3 s
  // per GB). Requires `wait_for_standby` false. On Citus, where each node commits at a time of its
  // own, the reply to the COMMIT is waited for.
  bool wait_for_unlinking = true;
};

class Database {
 public:
  // Opens no connection, because the database may be down while the server starts.
  // Errors: INVALID_ARGUMENT DB_CONNINFO.
  static absl::StatusOr<std::unique_ptr<Database>> Create(DatabaseOptions options);

  virtual ~Database() = default;

  // Runs `body` in a transaction (READ COMMITTED). Commits if it returns OK; otherwise rolls back
  // and returns its error. A broken connection is replaced by the next call. A connection that
  // breaks during COMMIT is UNAVAILABLE with reason COMMIT_UNKNOWN; the ledger shows whether the
  // transaction committed. So is a COMMIT that a synchronous standby has not confirmed. If a
  // statement's error has aborted the transaction, that error is returned even if the body returns
  // OK, because the COMMIT would roll back. Errors: those of the body, of sqlstate.h and of
  // session_settings.h; UNAVAILABLE DB_UNREACHABLE; FAILED_PRECONDITION DB_AUTH; RESOURCE_EXHAUSTED
  // DB_POOL_EXHAUSTED if no connection was free for 30 s; the status of the calling thread's
  // Interruption.
  virtual absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                                const TransactOptions& options) = 0;
  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return Transact(body, TransactOptions{});
  }

  // Runs one statement that PostgreSQL does not allow in a transaction, such as VACUUM. Errors:
  // those of Transact.
  virtual absl::Status ExecuteAlone(absl::string_view sql) = 0;

  // Makes one round trip to the database. Errors: those of Transact.
  virtual absl::Status Ping() = 0;

  struct Usage {
    int64_t open = 0;  // connections open now
    int64_t busy = 0;  // those in use; a COMMIT that only unlinks files is not counted
  };
  virtual Usage usage() const = 0;
};

}  // namespace syncline::postgres
