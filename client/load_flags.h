// The flags of `syncline load`. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli.h"

namespace syncline::client {

// What is loaded, and where to.
std::vector<Flag> LoadFlags();

// The definition of the table, and the way to replace it.
std::vector<Flag> DefinitionFlags();

// How the input is read.
std::vector<Flag> InputFlags();

// What must hold before a table is changed.
std::vector<Flag> GuardFlags();

// Returns `sentence`, which is about `status`, with the flags that set the fields that the status
// names, such as --primary_key for "streams[0].primary_key".
std::string NameFlags(absl::string_view sentence, const absl::Status& status);

}  // namespace syncline::client
