// The placeholder "$L" in statements, which stands for the ledger's schema.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::postgres {

// Returns `sql` with "$L" replaced by `quoted_schema` (QuoteIdentifier), without the white space
// around it, so that pg_stat_activity and the server's log show the statement from its first word.
std::string WithLedgerSchema(absl::string_view sql, absl::string_view quoted_schema);

}  // namespace syncline::postgres
