// Connection strings and connection errors, shared by libpq and libpqxx connections.
//
// Internal to postgres/. Connection strings are never printed, and no error contains a password.
// Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline::postgres {

// Returns `conninfo` (keyword=value or URI) in keyword=value form, with defaults for options that
// it omits: connect_timeout (at least 2 s, per host), TCP keepalives, tcp_user_timeout,
// application_name and, if it names several hosts, target_session_attrs=read-write.
// Options that it sets are kept, except client_encoding, which is always UTF8.
// Errors: INVALID_ARGUMENT DB_CONNINFO.
absl::StatusOr<std::string> CompleteConninfo(absl::string_view conninfo,
                                             absl::Duration connect_timeout);

// Returns the error for a connection that could not be opened. `message` is libpq's own; it has no
// SQLSTATE and may be translated. If the server itself refused the connection, this function
// connects once more, for at most `time_left`, to obtain the code.
absl::Status ConnectError(const std::string& complete_conninfo, absl::string_view message,
                          absl::Duration time_left);

}  // namespace syncline::postgres
