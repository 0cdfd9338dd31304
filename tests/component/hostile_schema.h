// A schema of a hostile user: it has an overload of every function and operator of pg_catalog, and
// a type and a relation of the name of each of pg_catalog's.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::testing {

// Returns the statements that create `schema`, which must not need quoting, in about two seconds.
// Each is run on its own, because one transaction would be slow. The caller of an overload gets an
// error; afterwards HostileCallSql shows which it was, although the transaction was rolled back.
std::vector<std::string> CreateHostileSchema(absl::string_view schema);

// Returns a query of one text: the name of the object that was called last, or an empty text.
std::string HostileCallSql(absl::string_view schema);

}  // namespace syncline::testing
