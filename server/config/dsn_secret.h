// Detects secrets in a PostgreSQL connection string, so that it can be refused on a command line
// and hidden in output.
#pragma once

#include "absl/strings/string_view.h"

namespace syncline::config {

// Returns true for a password or sslpassword with a value, in either form that libpq accepts:
// "host=db password=x" or "postgresql://user:x@host/db?sslpassword=y". If in doubt (libpq would
// refuse the string), it returns true.
bool HoldsSecret(absl::string_view dsn);

}  // namespace syncline::config
