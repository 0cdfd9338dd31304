// Decides how a stream replaces its table: when the sync starts, from what exists then, and again
// when the stream completes. The rules are in model/replace_strategy.h.
//
// Stateless; safe from any thread. Called under the lock of the table's name. Only reads, and takes
// no lock above ACCESS SHARE.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/replace_strategy.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/table_evolution.h"

namespace syncline::write {

// Decides how the stream, whose rows replace `table`, publishes them, and plans the table's schema
// accordingly (PlanTable). Stores the choice, the changes, and warnings about materialized views
// that cannot be refreshed in `stream`. Errors: those of ChooseStrategy and PlanTable.
absl::Status PlanReplace(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const TableToPlan& table, StreamEntry* stream);

// Returns how the stream replaces its table now. `keeps_rows`: the old rows are kept in another
// table. `lock_obstacle` is set if a swap could not get its locks. Errors: those of ChooseStrategy.
absl::StatusOr<StrategyChoice> DecideReplace(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan,
    bool keeps_rows, const std::optional<ReplaceObstacle>& lock_obstacle = std::nullopt);

}  // namespace syncline::write
