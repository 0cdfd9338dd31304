// Maps streams to tables for a ledger that has none of them.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "server/model/names.h"

namespace syncline {

inline absl::StatusOr<std::vector<TableName>> MapTableNames(
    const std::vector<StreamDescriptor>& streams, absl::string_view default_schema,
    absl::string_view ledger_schema = "syncline") {
  std::vector<StreamName> named;
  for (const StreamDescriptor& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(StreamName name, NameStream(stream, default_schema, ledger_schema));
    named.push_back(std::move(name));
  }
  return AssignTables(named);
}

}  // namespace syncline
