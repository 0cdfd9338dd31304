// Shows a table's columns as a definition in SQL, for the user. It is not executed. Pure functions;
// any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// `table` is in SQL notation.
std::string TableDefinition(absl::string_view table, const std::vector<v1::Column>& columns);

}  // namespace syncline::client
