// The swap of one table as data: the locks that it takes and the statements that it runs, captured
// from the catalog.
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

// The two tables of a swap in their current state.
struct SwapTables {
  TableName source;
  TableName target;
  int64_t source_oid = 0;
  int64_t target_oid = 0;     // 0 if missing
  std::string quoted_source;  // "schema"."name"
  std::string quoted_target;
  std::string quoted_source_schema;
  std::string quoted_target_schema;
  std::string quoted_target_name;
  bool placed = false;  // Citus places the source

  // Returns where indexes and constraints of the target are built.
  BuildPlace Place() const;
};

// Errors: FAILED_PRECONDITION SCHEMA_CHANGED if there is no source.
absl::StatusOr<SwapTables> LocateTables(Transaction& transaction, const TableName& source,
                                        const TableName& target);

// What happens to the replaced table.
enum class OldTable {
  kDrop,
  // It is emptied, and dropped after the swap (replaced_tables.h): dropping it would lock readers
  // of the tables to which its foreign keys point out, or it records what is left to be done.
  kRetire,
  kKeep,
};

// What happens to plain views that read a column whose type changes. PostgreSQL can replace a view
// only if the types of the view's own columns stay.
enum class RetypedViews { kReplace, kRecreate };

struct SwapPlan {
  std::vector<DdlStep> early;  // run before any lock for which readers wait (early_fill.h)
  // Bring the source into the target's schema. They run before `locks`, and no reader waits for
  // them.
  std::vector<DdlStep> arrival;
  std::vector<DdlStep> locks;  // ACCESS EXCLUSIVE, the target's last
  std::vector<DdlStep> steps;
  std::string key_index;  // name of our index on the primary key; empty if the table gets none
};

// Returns the plan for an existing target, which is kept if `keep`. Materialized views are filled
// early if `fill_early`. The caller must hold locks that
// keep the definitions of both tables unchanged. Errors: those of CheckCarriable; ABORTED
// SWAP_STALE if the source lacks something that the target has (prepare it again).
absl::StatusOr<SwapPlan> CapturePlan(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key, bool keep, bool fill_early,
                                     RetypedViews retyped_views);

// Returns the plan that moves the source to the target's name if there is no target. Errors: as
// CapturePlan.
absl::StatusOr<SwapPlan> CaptureMove(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key);

inline constexpr char kSwapStale[] = "SWAP_STALE";
// Returns ABORTED SWAP_STALE: the definition of the tables changed in the meantime.
absl::Status SwapStale();
bool IsSwapStale(const absl::Status& status);

}  // namespace syncline::postgres
