// Which program is behind a connection: PostgreSQL, PostgreSQL with the Citus extension, or another
// engine that speaks PostgreSQL's protocol and lacks something that the server needs.
//
// Internal to connection/.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/postgres/connection/bare_session.h"

namespace syncline::postgres {

enum class Engine {
  kPostgres,
  kCitus,  // the extension is installed in the database
};

// Returns OK if `version`, the result of version(), is that of PostgreSQL. Errors:
// FAILED_PRECONDITION DB_ENGINE with the name of another engine and what it lacks.
absl::Status CheckEngineName(absl::string_view version);

// Identifies the engine. `timeout` limits the question. Errors: those of CheckEngineName and of
// BareSession::Ask, but no DEADLINE_EXCEEDED.
absl::StatusOr<Engine> IdentifyEngine(BareSession& session, absl::Duration timeout);

// Returns OK if an advisory lock of one session is seen by the other one. Engines that accept
// advisory locks and lock nothing, and a name that leads to another server for each connection,
// are found by this. Both sessions must be outside of a transaction. Errors: FAILED_PRECONDITION
// DB_ENGINE; those of BareSession::Ask, but no DEADLINE_EXCEEDED.
absl::Status CheckAdvisoryLocks(BareSession& first, BareSession& second, absl::Duration timeout);

}  // namespace syncline::postgres
