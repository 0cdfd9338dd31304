// Parses the value of `--table`. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

struct SqlTableName {
  std::string schema;  // without quotes; empty if there is none
  std::string table;
};

// Parses name or schema.name in SQL notation: a part that is not a plain identifier needs double
// quotes, which are doubled inside them. Parts keep their case, because the server folds unquoted
// ones; with `fold` they become lower case, as in the database. Errors: a usage error that shows
// how to write the name.
absl::StatusOr<SqlTableName> ParseSqlTableName(absl::string_view text, bool fold = false);

}  // namespace syncline::client
