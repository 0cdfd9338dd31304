// The swap of one table as data: which locks it takes and which statements it runs, captured from
// the catalog.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/table_members.h"
#include "server/postgres/swap/swap_members.h"

namespace syncline::postgres {

// The two tables of a swap, as they are now.
struct SwapTables {
  TableName source;
  TableName target;
  int64_t source_oid = 0;
  int64_t target_oid = 0;     // 0 when missing
  std::string quoted_source;  // "schema"."name"
  std::string quoted_target;
  std::string quoted_source_schema;
  std::string quoted_target_schema;
  std::string quoted_target_name;

  // Where indexes and constraints of the target are built.
  BuildPlace Place() const;
};

// FAILED_PRECONDITION SCHEMA_CHANGED when there is no source.
absl::StatusOr<SwapTables> LocateTables(Transaction& transaction, const TableName& source,
                                        const TableName& target);

struct SwapPlan {
  std::vector<DdlStep> locks;  // ACCESS EXCLUSIVE, the target's last
  std::vector<DdlStep> steps;
  std::string key_index;  // name of our index on the primary key; empty when the table gets none
};

// The plan for an existing target. Call it with locks that keep both tables' definitions as they
// are. Errors: those of CheckCarriable; ABORTED SWAP_STALE when the source lacks something that the
// target has (prepare it again).
absl::StatusOr<SwapPlan> CapturePlan(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key, bool keep_old);

// The plan that puts the source where no target is. Errors: as CapturePlan.
absl::StatusOr<SwapPlan> CaptureMove(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key);

inline constexpr char kSwapStale[] = "SWAP_STALE";
// The definition of the tables changed meanwhile: ABORTED SWAP_STALE.
absl::Status SwapStale();
bool IsSwapStale(const absl::Status& status);

}  // namespace syncline::postgres
