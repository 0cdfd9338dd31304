// Maps an SQLSTATE to a Status: by the exact code, then by its class, then by a default. The same
// table decides whether an error is retryable. The reasons are part of the API (docs/errors.md);
// the codes are listed in appendix A of the PostgreSQL manual.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::postgres {

// Replaces the message of an exception that code in the database raises.
inline constexpr char kRaisedMessage[] =
    "a trigger or function in the database raised an exception; see PostgreSQL's log for its "
    "message";

// Returns the status for an error that PostgreSQL raised. `message` is the server's primary message
// without DETAIL, which may contain record values. The status has the metadata "sqlstate", and
// RetryInfo if a retry may help. An XX000 that reports an error of another node of a Citus cluster
// (remote_error.h) becomes that error.
absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message);

// Returns true if an error of this code says that a statement is not valid: a name that does not
// exist or a wrong type (class 42 without 42501, 3F).
bool IsInvalidQuery(absl::string_view sqlstate);

// Returns FAILED_PRECONDITION REJECTED_BY_DATABASE: a query inside a trigger or function of a user
// is not valid. The usual cause is a name without its schema.
absl::Status InvalidFunction(absl::string_view sqlstate, absl::string_view message);

// Metadata of an error that ended a COPY: the number of the row, from 1, if PostgreSQL names it.
inline constexpr char kCopyLineKey[] = "copy_line";

// Metadata of an error that a function in the database raised on purpose, with any SQLSTATE.
inline constexpr char kRaisedKey[] = "raised";

// Returns UNAVAILABLE DB_UNREACHABLE: the database cannot be reached or the connection broke.
absl::Status DatabaseUnreachable(absl::string_view message);

// Returns FAILED_PRECONDITION DB_AUTH: PostgreSQL refused the credentials.
absl::Status DatabaseAuthFailed(absl::string_view message);

// Returns UNAVAILABLE COMMIT_UNKNOWN: the connection broke during COMMIT.
absl::Status CommitUnknown();

// Returns UNAVAILABLE COMMIT_UNKNOWN: the transaction is committed, but a synchronous standby has
// not confirmed it, so that a failover may lose it.
absl::Status CommitNotConfirmed();

// Returns the SQLSTATE that caused `status`, or an empty string.
std::string GetSqlState(const absl::Status& status);

// Returns true if Citus has refused a row because it has no value in the distribution column.
bool LacksDistributionKey(const absl::Status& status);

// Returns true if a session must not be used again after an error of this code: the error ends it
// (class 08, 57P.., 25P03, 25P04), even if libpq has not noticed it yet, or a new session may lead
// to another server (25006: this one accepts no writes, but the new primary does).
bool EndsSession(absl::string_view sqlstate);

// Returns true if the transaction may succeed when it is run again: 40001, 40P01, and errors that
// RetryIfCreated marked.
bool IsConflict(const absl::Status& status);

// For the status of a statement that creates an object that did not exist before. IF NOT EXISTS is
// not atomic: if two sessions create the same object at once, the later one fails with "already
// exists" or with a unique violation of the catalog. Such an error becomes ALREADY_EXISTS
// OBJECT_EXISTS, marked so that Database::Transact retries the transaction. If the error remains
// after the retries, it is returned to the caller.
absl::Status RetryIfCreated(const absl::Status& status);

// For the status of catalog queries and of locks on the objects that they return. Another
// transaction may drop an object after a catalog query has seen it: functions such as
// pg_get_viewdef then fail with "could not open relation", and LOCK TABLE finds no table. Such an
// error becomes ABORTED CONFLICT, so that the transaction is retried. Other errors are unchanged.
absl::Status RetryIfVanished(const absl::Status& status);
template <typename T>
absl::StatusOr<T> RetryIfVanished(absl::StatusOr<T> value) {
  if (!value.ok()) return RetryIfVanished(value.status());
  return value;
}

}  // namespace syncline::postgres
