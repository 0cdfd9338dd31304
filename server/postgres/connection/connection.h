// One libpq connection: for data transactions (COPY BINARY) and for LISTEN.
//
// Owned and used by one thread at a time; Cancel alone may be called from another. Errors are
// absl::Status with reason and SQLSTATE (postgres/sqlstate.h). After an error of code UNAVAILABLE
// the connection is broken: drop it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/transaction.h"

struct pg_conn;
struct pg_result;

namespace syncline::postgres {

struct ConnectionOptions {
  // As DatabaseOptions::conninfo.
  std::string conninfo;
  absl::Duration connect_timeout = absl::Seconds(5);
  // Where the connection's socket is kept while it is open; may be null. Outlives the connection.
  OpenSockets* sockets = nullptr;
};

class Connection {
 public:
  // Connects. Session settings are those of database.h.
  // Errors: UNAVAILABLE DB_UNREACHABLE, FAILED_PRECONDITION DB_AUTH, and those of sqlstate.h.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one or more statements without parameters (simple protocol); results are read and dropped.
  absl::Status Execute(absl::string_view sql);

  absl::Status Begin();
  // Errors: UNAVAILABLE COMMIT_UNKNOWN when the connection broke before the answer came; ABORTED
  // when the transaction had failed before and so was rolled back.
  absl::Status Commit();

  // Runs one statement with parameters (extended protocol, text format). It is prepared once per
  // connection under its own text, so that repeated statements are neither parsed nor planned
  // again.
  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params);

  // Starts a COPY … FROM STDIN. `sql` may have statements before it ("BEGIN; COPY …"): one round
  // trip. With `relation`, the name of the table without its schema, an error that names a row has
  // the metadata kCopyLineKey (sqlstate.h).
  absl::Status BeginCopy(absl::string_view sql, absl::string_view relation = {});
  // Sends bytes of the COPY; blocks while the socket is full. Any size; sent on in pieces as libpq
  // advises.
  absl::Status PutCopyData(absl::string_view bytes);
  // Ends the COPY and returns the number of rows. The result is always read, also after a failed
  // PutCopyData.
  absl::StatusOr<int64_t> EndCopy();

  // Rolls back whatever runs, a COPY included; what fails only shows in usable().
  void Rollback();

  // False when the connection is broken or not idle: not to be used again.
  bool usable() const;

  // Asks the server to stop the statement that runs now, which then fails with CANCELLED. From any
  // thread, while this object lives; opens a connection of its own for it, and a failure only shows
  // in the statement going on.
  void Cancel();

  // LISTEN: the payloads of the notifications on any channel that have come, as soon as there are
  // any; none when `timeout` passed.
  absl::StatusOr<std::vector<std::string>> WaitForNotifications(absl::Duration timeout);

 private:
  explicit Connection(pg_conn* connection);

  // The error of `result` (may be null) or of the connection.
  absl::Status ErrorOf(const pg_result* result) const;
  // `status` with the constraint, the column and the row of a COPY that `result` names.
  absl::Status WithPlace(const pg_result* result, absl::Status status) const;
  absl::StatusOr<std::string> Prepare(absl::string_view sql);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace syncline::postgres
