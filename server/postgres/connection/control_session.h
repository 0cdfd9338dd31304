// One libpqxx connection of the pool of control connections.
//
// It throws no exceptions. For use by one thread at a time, except Cancel. Internal to database.cc.
#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/pqxx_dialect.h"
#include "server/postgres/connection/result.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

class ControlSession {
 public:
  static absl::StatusOr<std::unique_ptr<ControlSession>> Open(const DatabaseOptions& options);
  // Does not wait for an outstanding reply. The server finishes a COMMIT nevertheless.
  ~ControlSession();

  // Runs one or more statements and returns the rows of the last one. On Citus each is a message of
  // its own (statement_split.h).
  absl::StatusOr<Result> Run(const std::string& sql);
  // Runs one statement with parameters, within a transaction.
  absl::StatusOr<Result> Run(const std::string& sql, const Params& params);

  // Commits. Errors: UNAVAILABLE COMMIT_UNKNOWN if the connection broke before the reply arrived,
  // or if a synchronous standby has not confirmed the commit and a second one was not confirmed
  // either; those of the COMMIT itself.
  absl::Status Commit();

  // The two halves of Commit: BeginCommit sends COMMIT, EndCommit waits for the reply.
  absl::Status BeginCommit();
  absl::Status EndCommit();

  // The two halves of Run: Send sends one statement, and Receive waits for its result. Between them
  // no other statement may be run.
  absl::Status Send(const std::string& sql);
  absl::StatusOr<Result> Receive();
  // Waits at most `timeout` for the reply to what was sent. Returns whether Receive does not block.
  bool WaitForReply(absl::Duration timeout) const;
  // Whether a reply is outstanding: Receive or EndCommit has not been called.
  bool owes_reply() const { return sent_ != nullptr; }

  // Asks the server to cancel the running statement. May be called from any thread; blocks for a
  // connection to the server. If the request fails, the statement continues.
  void Cancel();

  bool broken() const { return lost_ || !connection_.is_open(); }
  // Whether the session is on the coordinator of a Citus cluster.
  bool citus() const { return citus_; }

 private:
  explicit ControlSession(const std::string& conninfo);

  // Runs a statement, and copies its result.
  template <typename F>
  absl::StatusOr<Result> Guarded(F&& run);
  // Returns the status of what `run` throws.
  template <typename F>
  absl::Status Catch(F&& run);
  // Returns the status of a COMMIT whose reply was `reply`.
  absl::Status Confirm(const absl::Status& reply);
  // Runs a statement whose parameters the database can store.
  absl::StatusOr<Result> RunStored(const std::string& sql, const Params& params);
  // Returns the error of a statement during which the session ended.
  absl::Status Lost() const;

  pqxx::connection connection_;
  Repertoire* repertoire_ = nullptr;            // null if every character can be stored
  std::unique_ptr<OpenSockets::Entry> socket_;  // after the connection: destroyed first
  PqxxNotices notices_;
  // BEGIN and COMMIT are sent as statements, so that one round trip begins a transaction with all
  // its settings, and a COMMIT whose reply is lost can be distinguished from a refused one.
  pqxx::nontransaction work_;
  std::unique_ptr<pqxx::pipeline> sent_;  // while a reply is outstanding
  bool lost_ = false;
  bool citus_ = false;
  absl::Duration transaction_timeout_ = {};  // of the role or database; zero: none
  std::optional<absl::Duration> began_;      // when the open transaction began, if one is open
};

}  // namespace syncline::postgres
