// The ledger's tables, as the migrations that create them.
#pragma once

#include "absl/types/span.h"

namespace syncline::postgres {

// Migration n of the list brings version n to n + 1. "$L" must be replaced by the quoted schema.
absl::Span<const char* const> LedgerMigrations();

}  // namespace syncline::postgres
