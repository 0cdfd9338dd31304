// Decides how a new table is distributed in a Citus cluster, and refuses streams and changes that
// are not possible where the rows of a table are (model/placement_rules.h).
//
// Stateless; safe from any thread. Only reads.
#pragma once

#include "absl/status/status.h"
#include "server/model/stream.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/initial_status.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

// Sets `plan->distribution` if the stream creates its table, and checks the stream against the
// target. `plan` has its loader and column names. Errors: those of CheckPlacement.
absl::Status DecidePlacement(const postgres::Transaction& transaction, NewTableDistribution setting,
                             const postgres::InitialStatus& status, StreamPlan* plan);

// Sets `plan->placement` and `plan->access_method`. `plan` is as DecidePlacement leaves it.
void DescribePlacement(const postgres::InitialStatus& status, StreamPlan* plan);

// Checks the changes that are planned for the target. Errors: FAILED_PRECONDITION
// TARGET_DISTRIBUTED.
absl::Status CheckPlacedChanges(const postgres::TableStatus& target, const StreamEntry& stream);

// Sets the distributions of the open streams of `sync`, whose start was interrupted and whose plans
// come from the ledger, as the repeated request and `setting` have them.
void RestoreDistributions(const SyncDraft& draft, NewTableDistribution setting, SyncEntry* sync);

}  // namespace syncline::write
