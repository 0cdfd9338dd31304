// Names as SQL writes them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"

namespace syncline {

// The table that `text` addresses: name or schema.name, each part quoted ("My Table", with "" for a
// quote) or not; one that is not quoted folds to lower case. White space around parts does not
// count. `default_schema` is that of a name alone. Errors: INVALID_ARGUMENT (INVALID_NAME) with a
// violation of "table_name": not such a name, a part that is empty or longer than 63 bytes, or a
// table whose name belongs to staging tables.
absl::StatusOr<TableName> ParseTableName(absl::string_view text, absl::string_view default_schema);

}  // namespace syncline
