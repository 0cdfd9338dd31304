// SQLSTATE -> Status: exact code first, then class, then default; "retryable" comes from the same
// table. The table is docs of the contract (errors of proto/syncline/v1); codes: PostgreSQL manual,
// appendix A.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::postgres {

// In place of what code in the database says when it raises an exception.
inline constexpr char kRaisedMessage[] =
    "a trigger or function in the database raised an exception; PostgreSQL's log has its message";

// The status for an error that PostgreSQL raised. `message` is the server's primary message,
// without DETAIL (which may hold record values). Metadata: "sqlstate". RetryInfo where trying again
// may help.
absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message);

// Metadata of an error that ended a COPY: the number of the row, from 1, where PostgreSQL names it.
inline constexpr char kCopyLineKey[] = "copy_line";

// The database cannot be reached or went away: UNAVAILABLE DB_UNREACHABLE.
absl::Status DatabaseUnreachable(absl::string_view message);

// PostgreSQL refuses our credentials: FAILED_PRECONDITION DB_AUTH.
absl::Status DatabaseAuthFailed(absl::string_view message);

// The connection broke during COMMIT: UNAVAILABLE COMMIT_UNKNOWN.
absl::Status CommitUnknown();

// The SQLSTATE that made `status`, or empty.
std::string SqlStateOf(const absl::Status& status);

// True when an error of this code ends the session (class 08, 57P01 and its like), whether libpq
// knows it yet or not.
bool EndsSession(absl::string_view sqlstate);

// A transaction that may succeed when simply run again: 40001, 40P01, and what RetryIfCreated
// marked.
bool IsConflict(const absl::Status& status);

// For the status of a statement that creates an object which was not there when it was looked for.
// IF NOT EXISTS looks before it creates: of two that create the same object at once the later one
// gets "already exists" or a unique violation of the catalog. Then the answer is ALREADY_EXISTS
// OBJECT_EXISTS, marked so that Database::Transact runs the transaction again a few times: after
// them it is lasting.
absl::Status RetryIfCreated(const absl::Status& status);

// For the status of catalog queries, and of locks on what they named. A query of the catalog sees
// objects that another transaction drops meanwhile; functions such as pg_get_viewdef then fail with
// "could not open relation", and LOCK TABLE finds no table. The answer is ABORTED CONFLICT, which
// runs the transaction again; other errors stay.
absl::Status RetryIfVanished(const absl::Status& status);
template <typename T>
absl::StatusOr<T> RetryIfVanished(absl::StatusOr<T> value) {
  if (!value.ok()) return RetryIfVanished(value.status());
  return value;
}

}  // namespace syncline::postgres
