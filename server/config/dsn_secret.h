// Whether a PostgreSQL connection string holds a secret, so that it can be refused on a command
// line and hidden in output.
#pragma once

#include "absl/strings/string_view.h"

namespace syncline::config {

// True for a password or sslpassword with a value, in either form that libpq knows: "host=db
// password=x" or "postgresql://user:x@host/db?sslpassword=y". In doubt (a string libpq would
// refuse) it answers true.
bool HoldsSecret(absl::string_view dsn);

}  // namespace syncline::config
