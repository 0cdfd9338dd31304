// Detects a connection pooler that gives a client another session for each transaction or
// statement, such as PgBouncer with pool_mode = transaction. The server cannot work with it,
// because it keeps state in its sessions: settings, prepared statements, LISTEN.
//
// Internal to connection/.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/postgres/connection/bare_session.h"

namespace syncline::postgres {

// Asks both sessions for their process ids while the second one is in a transaction and while it is
// not. Sets nothing. After an error, neither session may be used. `timeout` limits each question.
// Errors: FAILED_PRECONDITION POOLER_MODE if a session is not always the same process, or both are
// the same; UNAVAILABLE TOO_MANY_CONNECTIONS if a pooler has no second session; those of
// BareSession::Ask, but no DEADLINE_EXCEEDED.
absl::Status CheckPooler(BareSession& first, BareSession& second, absl::Duration timeout);

}  // namespace syncline::postgres
