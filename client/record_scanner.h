// Finds the members of a record at the speed of a pass over a whole file.
//
// Nothing is converted or copied: the members are views into the line. The record's own members are
// checked against JSON's grammar; what is nested in them is only searched for its end. NaN,
// Infinity and -Infinity are taken as nulls, as the server takes them. Pure functions, any thread.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "client/json_text.h"

namespace syncline::client {

// Calls `visit` for each member of the object that `line` holds; the key is raw, without its
// quotes. False when `line` is not an object; some members may then have been visited.
bool ScanRecord(absl::string_view line,
                absl::FunctionRef<void(absl::string_view key, JsonText value)> visit);

}  // namespace syncline::client
