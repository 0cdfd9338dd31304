// One libpq connection, for data transactions (COPY BINARY) and for LISTEN.
//
// Owned and used by one thread at a time; only Abort may be called from another thread. Errors are
// absl::Status with a reason and an SQLSTATE (sqlstate.h). After an UNAVAILABLE error the
// connection is broken and must be discarded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/postgres/connection/destination.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/transaction.h"

struct pg_conn;
struct pg_result;

namespace syncline::postgres {

struct ConnectionOptions {
  // The same as DatabaseOptions::conninfo.
  std::string conninfo;
  absl::Duration connect_timeout = absl::Seconds(5);
  // Registry for the connection's socket while it is open. May be null; must outlive the
  // connection.
  OpenSockets* sockets = nullptr;
  // Checked before the connection is opened. May be null; must outlive the connection.
  Destination* destination = nullptr;
  // Maximum wait of a statement for a lock; zero keeps the setting of the role.
  absl::Duration lock_timeout = {};
};

// A statement with its parameters.
struct Statement {
  std::string sql;
  Params params;
};

class Connection {
 public:
  // Maximum statements of QueryAllAndCommit.
  static constexpr size_t kMaxTogether = 32;

  // Connects and applies the settings of session_settings.h.
  // Errors: UNAVAILABLE DB_UNREACHABLE, FAILED_PRECONDITION DB_AUTH, those of Destination::Check,
  // sqlstate.h and session_settings.h.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one or more statements without parameters (simple protocol). Results are read and
  // discarded.
  absl::Status Execute(absl::string_view sql);

  absl::Status Begin();
  // Errors: UNAVAILABLE COMMIT_UNKNOWN if the connection broke before the reply arrived, or if a
  // synchronous standby has not confirmed the commit nor the one that followed it; ABORTED
  // ROLLED_BACK if an earlier statement had failed, so that the transaction was rolled back; errors
  // of the COMMIT itself.
  absl::Status Commit();

  // Makes every transaction that is visible now durable, by a commit that waits for synchronous
  // standbys. Call it outside of a transaction, before a commit whose result was unknown and that
  // the ledger shows is acknowledged. After `limit` the wait is cancelled; if that has no effect
  // in the same time, the connection is broken. Errors: UNAVAILABLE COMMIT_UNKNOWN if a standby has
  // not confirmed it; those of Execute.
  absl::Status ConfirmDurable(absl::Duration limit = absl::InfiniteDuration());

  // Runs one statement with parameters (extended protocol, text format). Statements are prepared
  // once per connection and cached by their text (up to 64), so that a repeated statement is not
  // parsed again.
  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params);
  // The same with results in binary format: a bytea is returned as its bytes, without the detour
  // through hexadecimal text. All other columns must be of type text, whose binary form is the text
  // itself.
  absl::StatusOr<Result> QueryBinary(absl::string_view sql, const Params& params);

  // Runs one statement with parameters as a transaction of its own: it is committed, and durable as
  // after Commit, when this returns OK. Call it outside of a transaction. Errors: UNAVAILABLE
  // COMMIT_UNKNOWN as for Commit; those of Query, after which nothing is committed.
  absl::StatusOr<Result> QueryAndCommit(absl::string_view sql, const Params& params);

  // Does the first half of QueryAndCommit, without waiting for the server: sends the statement.
  // Returns false, and has sent nothing, if the statement is not prepared on this connection or its
  // values must be converted by the server first. Otherwise ReceiveAndCommit must be the next call.
  // Blocks if the statement has more than a few kilobytes.
  bool TrySend(const Statement& statement);
  // Between the two halves: polls the socket for up to `limit`, without sleeping, until a result
  // begins to arrive. Returns whether it has. An idle processor of a virtual machine needs up to 50
  // us to wake a thread that sleeps.
  bool PollForResult(absl::Duration limit);
  // Does the second half: waits for the result. Errors: those of QueryAndCommit.
  absl::StatusOr<Result> ReceiveAndCommit(const Statement& statement);

  // Runs the statements in their order as one transaction and in one round trip: BEGIN, all of them
  // and COMMIT are sent together. Returns their results; the transaction is committed, and durable
  // as after Commit, when this returns OK. Call it outside of a transaction, with at most
  // kMaxTogether statements. Errors: UNAVAILABLE COMMIT_UNKNOWN as for Commit; the first error of a
  // statement or of the COMMIT, after which nothing is committed.
  absl::StatusOr<std::vector<Result>> QueryAllAndCommit(
      absl::Span<const Statement* const> statements);

  // Starts a COPY … FROM STDIN. `sql` may contain statements before it ("BEGIN; COPY …"), which
  // saves a round trip. With `relation`, the name of the table without its schema, an error that
  // names a row has the metadata kCopyLineKey (sqlstate.h).
  absl::Status BeginCopy(absl::string_view sql, absl::string_view relation = {});
  // Sends `bytes` of any size for the COPY, in pieces of at most 1 MiB. Blocks while the socket is
  // full.
  absl::Status PutCopyData(absl::string_view bytes);
  // Ends the COPY and returns the number of rows. Call it after a failed PutCopyData, too: it reads
  // the server's result, which has the cause.
  absl::StatusOr<int64_t> EndCopy();

  // Rolls back the current transaction, including a COPY in progress. After a failure usable()
  // returns false.
  void Rollback();

  // Returns false if the connection is broken or not idle. It must not be used again then.
  bool usable() const;
  // Returns whether the connection leads to the coordinator of a Citus cluster.
  bool on_citus() const;

  // Breaks the connection: the running call and all later ones fail with UNAVAILABLE. PostgreSQL
  // ends the statement and rolls back when it notices, within client_connection_check_interval
  // (1 s unless it is configured). May be called from any thread while this object exists. Does not
  // block, even if the database does not answer. An interrupted COMMIT may still succeed.
  void Abort();

  // Waits for notifications of LISTEN on any channel and returns their payloads as soon as some
  // have arrived. Returns an empty vector after `timeout`, or when the descriptor `wake` becomes
  // readable.
  absl::StatusOr<std::vector<std::string>> WaitForNotifications(absl::Duration timeout,
                                                                int wake = -1);

 private:
  explicit Connection(pg_conn* connection);

  // Returns the error of `result`, which may be null, or of the connection.
  absl::Status GetError(const pg_result* result) const;
  // Returns `status` with the constraint, the column and the row of a COPY that `result` names.
  absl::Status WithLocation(const pg_result* result, absl::Status status) const;
  absl::StatusOr<std::string> Prepare(absl::string_view sql);
  // Returns the parameters as a database with a repertoire stores them.
  absl::StatusOr<Params> ToStored(const Params& params);
  // Waits for the result of a statement that was prepared and, if `sent`, sent.
  absl::StatusOr<Result> Receive(absl::string_view sql, bool sent);
  // Returns OK if a transaction that has just been committed is durable. Errors: UNAVAILABLE
  // COMMIT_UNKNOWN.
  absl::Status ConfirmCommit();
  // The same for a statement that is a transaction of its own and has ended with `result`.
  absl::StatusOr<Result> ConfirmStatement(absl::StatusOr<Result> result);
  // Reads the results of `statements`, BEGIN and COMMIT, which were sent as a pipeline, into
  // `results`, and leaves the pipeline. Returns their first error.
  absl::Status ReadPipeline(absl::Span<const Statement* const> statements,
                            std::vector<Result>* results);
  absl::StatusOr<Result> QueryInFormat(absl::string_view sql, const Params& params, int format);
  // The same with parameters that the database can store.
  absl::StatusOr<Result> QueryStored(absl::string_view sql, const Params& params, int format);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace syncline::postgres
