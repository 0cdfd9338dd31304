// The result of a validation: the effect that completing a stream would have now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/model/publish_guard.h"
#include "server/model/replace_strategy.h"
#include "server/model/schema_change.h"

namespace syncline {

// A session that holds a lock for which another session waits or would wait.
struct Blocker {
  std::string object;  // the table or view
  int32_t pid = 0;     // 0 for a prepared transaction
  std::string application;
  absl::Duration age;       // of its transaction
  std::string query_start;  // start of its last statement, in UTC; empty for a prepared transaction
};

struct Validation {
  int64_t rows_inserted = 0;
  int64_t rows_updated = 0;
  int64_t rows_deleted = 0;
  std::vector<SchemaChange> changes;
  std::vector<GuardResult> guard_results;
  std::vector<Blocker> blockers;
  bool final = false;          // no writer is open
  StrategyChoice choice = {};  // of a replace
};

}  // namespace syncline
