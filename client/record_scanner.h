// Finds the members of a record fast enough for a pass over a whole file.
//
// The members are views into the line; nothing is copied. The record's own members are checked
// against JSON's grammar, but of nested values only the end is searched for. NaN, Infinity and
// -Infinity count as nulls, as in the server. Pure functions; any thread.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "client/json_text.h"

namespace syncline::client {

// Calls `visit` for each member of the object in `line`. The key is raw, without its quotes.
// Returns false if `line` is not an object; `visit` may then have been called for some members.
bool ScanRecord(absl::string_view line,
                absl::FunctionRef<void(absl::string_view key, JsonText value)> visit);

// Checks what ScanRecord does not, nested values, unless the text may have Python's numbers.
bool HasJsonGrammar(absl::string_view object);

}  // namespace syncline::client
