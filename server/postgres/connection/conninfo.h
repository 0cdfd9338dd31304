// Connection strings and failed connects: what both kinds of connection (libpq, libpqxx) share.
//
// Internal to postgres/. Nothing here prints a connection string, and no error holds a password.
// Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline::postgres {

// `conninfo` (keyword=value or URI) as keyword=value, with what it leaves out: connect_timeout, TCP
// keepalives, tcp_user_timeout, client_encoding and application_name. What it names itself, it
// keeps. Errors: INVALID_ARGUMENT DB_CONNINFO.
absl::StatusOr<std::string> CompleteConninfo(absl::string_view conninfo,
                                             absl::Duration connect_timeout);

// The statements that every new connection runs first, in one round trip: UTC, ISO dates, hex
// bytea, durable commits. A SET instead of the startup option `options`, because poolers such as
// PgBouncer refuse that one.
extern const char kSessionSettings[];

// What a connection that could not be opened is told as. `message` is libpq's own. It comes without
// an SQLSTATE and perhaps translated, so when the server itself refused, one more attempt within
// `time_left` asks for the code.
absl::Status ConnectError(const std::string& complete_conninfo, absl::string_view message,
                          absl::Duration time_left);

}  // namespace syncline::postgres
