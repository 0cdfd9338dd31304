// Parses table names in SQL notation.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"

namespace syncline {

// Parses `text`, which is name or schema.name. Each part may be quoted ("My Table", with "" for a
// quote); an unquoted part is folded to lower case. White space around parts is ignored. A name
// without a schema is in `default_schema`.
// Errors: INVALID_ARGUMENT INVALID_NAME with a violation of "table_name" if the text is not such a
// name, if a part is empty, longer than 63 bytes or contains NUL, or if the name has the prefix of
// staging tables.
absl::StatusOr<TableName> ParseTableName(absl::string_view text, absl::string_view default_schema);

}  // namespace syncline
