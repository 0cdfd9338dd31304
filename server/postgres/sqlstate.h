// SQLSTATE -> Status: exact code first, then class, then default; "retryable" comes from the same
// table. The table is docs of the contract (errors of proto/syncline/v1); codes: PostgreSQL manual,
// appendix A.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::postgres {

// The status for an error that PostgreSQL raised. `message` is the server's primary message,
// without DETAIL (which may hold record values). Metadata: "sqlstate". RetryInfo where trying again
// may help.
absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message);

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

// A transaction that may succeed when simply run again: 40001, 40P01.
bool IsConflict(const absl::Status& status);

}  // namespace syncline::postgres
