// The lines in the log before and after a table is rewritten, for which others wait.
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

// Whether one of the changes rewrites the table.
bool Rewrites(const std::vector<SchemaChange>& changes);

// Runs `body`, which rewrites the table, between table_rewrite_started and table_rewritten or
// table_rewrite_failed with the time that it took. Returns what `body` does.
absl::Status LogRewrite(const Rewrite& rewrite, absl::FunctionRef<absl::Status()> body);

}  // namespace syncline::write
