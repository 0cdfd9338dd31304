// BareSession: a connection on which nothing has been set, for the first questions to a database.
//
// A connection pooler may pass a database session on to other programs, with everything that was
// set in it, so no setting may be made before the pooler has been checked (pooler_check.h).
// Internal to connection/. For use by one thread. No call blocks beyond its time limit.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct pg_conn;

namespace syncline::postgres {

class BareSession {
 public:
  // Connects. `complete_conninfo` comes from CompleteConninfo. Errors: those of ConnectError.
  static absl::StatusOr<BareSession> Open(const std::string& complete_conninfo,
                                          absl::Duration connect_timeout);

  BareSession(BareSession&&) noexcept = default;
  ~BareSession() = default;

  // Runs the statements in one message (simple protocol) and returns the single value of the last
  // row. Errors: those of sqlstate.h; DEADLINE_EXCEEDED without a reason if the answer does not
  // arrive within `timeout`; UNAVAILABLE DB_UNREACHABLE. After an error the session must not be
  // used again.
  absl::StatusOr<std::string> Ask(const std::string& sql, absl::Duration timeout);

  // Returns the version of the server as a number, such as 150018.
  int server_version() const;
  // Returns the encoding of the database, such as "UTF8", as the server reported it.
  std::string server_encoding() const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };

  explicit BareSession(pg_conn* connection) : connection_(connection) {}
  // Waits until libpq can return a result without blocking.
  absl::Status WaitForResult(absl::Time deadline);

  std::unique_ptr<pg_conn, Finish> connection_;
};

}  // namespace syncline::postgres
