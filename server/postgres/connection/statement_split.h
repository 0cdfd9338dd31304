// Splits a message of several SQL statements into its statements.
//
// Citus sends the text of the whole message to the nodes that have a table's shards, so a message
// with a DDL statement on such a table must contain nothing else.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::postgres {

// Returns the statements of `sql` in their order, without the semicolons between them and without
// empty ones. Semicolons in quotes, dollar quotes, comments and parentheses belong to a statement.
// Expects standard_conforming_strings on, and no SQL function body of the form BEGIN ATOMIC ...
// END. The results refer to `sql`.
std::vector<absl::string_view> SplitStatements(absl::string_view sql);

}  // namespace syncline::postgres
