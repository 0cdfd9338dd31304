// Log lines before and after a table is rewritten, because other sessions wait for it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/model/schema_change.h"
#include "server/model/table_name.h"

namespace syncline::write {

struct Rewrite {
  TableName table;
  int64_t table_bytes = 0;
  std::vector<SchemaChange> changes;  // those with `rewrites` are logged
};

// Returns whether one of the changes rewrites the table.
bool Rewrites(const std::vector<SchemaChange>& changes);

// Runs `body`, which rewrites the table, and returns its status. Logs table_rewrite_started before
// it, and table_rewritten or table_rewrite_failed with the duration after it.
absl::Status LogRewrite(const Rewrite& rewrite, absl::FunctionRef<absl::Status()> body);

}  // namespace syncline::write
