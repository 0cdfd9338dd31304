// Turns a stream's plan into the definitions of its tables: planned when the sync starts, applied
// when its loader needs the table. The decision is made in model/evolution_plan.h.
//
// Stateless; safe from any thread. Called under the lock of the table's name.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/evolution_plan.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/postgres/table/schema_evolution.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::write {

struct TableToPlan {
  postgres::TableStatus status;  // of the target
  bool staged_rows = false;      // the staging table has rows that will be published
  bool replaced = false;         // the loaded rows replace the target by a swap
  bool in_place = false;         // they replace its rows, so that the stored values go
  bool keeps_replaced = false;   // a replace keeps the old rows in another table
  int64_t max_rewrite_bytes = 0;
};

// Decides the stream's columns and the changes of its table, and stores them in `stream`. Changes
// no table and takes no lock above ACCESS SHARE. Errors: those of PlanEvolution;
// FAILED_PRECONDITION SCHEMA_INCOMPATIBLE if a stored value cannot take its column's new type, and
// those of CheckColumnChanges.
absl::Status PlanTable(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                       const TableToPlan& table, StreamEntry* stream);

// Returns the columns of the staging table, which must exist, that the stream, or an earlier one
// whose rows are staged, does not declare; columns of the key and the cursor are excluded. Under
// MIRROR, columns that the stream does not declare and the target does not have are given up.
absl::StatusOr<std::vector<postgres::UndeclaredColumn>> FindUndeclared(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan);

// Plans what the stream needs of the target, which must exist, in its present state. Does not
// refuse anything that was decided when the sync started.
absl::StatusOr<EvolutionPlan> ReplanTarget(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan,
    const std::vector<postgres::UndeclaredColumn>& undeclared);

// Returns whether the stream needs another definition of the target, which must exist.
absl::StatusOr<bool> NeedsEvolution(postgres::Transaction& transaction,
                                    const postgres::Ledger& ledger, const StreamPlan& plan,
                                    const std::vector<postgres::UndeclaredColumn>& undeclared);

// Evolves the target, which must exist. If its definition changes, `check` runs before that, and
// its error prevents the change. Readers of the table wait from the change until the transaction
// ends (EvolveBeforehand in loaders/loader_steps.h). Errors: those of PlanEvolution and
// EvolveTable.
absl::Status EvolveTarget(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                          const StreamPlan& plan, postgres::CastFailure failure,
                          const std::vector<postgres::UndeclaredColumn>& undeclared,
                          absl::FunctionRef<absl::Status()> check);

// Creates the target, for an append with the stream's default of `_airbyte_meta`, or evolves the
// existing one. A user's column that was added after the plan stays. `failure` decides what happens
// to a stored value that cannot be cast. The target then also has the `undeclared` columns, and all
// staged columns have the target's types, because the plan may have been made for a table that is
// replaced. Returns the stream's columns as the target has them.
absl::StatusOr<TableSchema> MakeTarget(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan,
    bool exists, postgres::CastFailure failure,
    const std::vector<postgres::UndeclaredColumn>& undeclared = {});

// Prepares the target, which exists, and the staging table for an in-place replace, as MakeTarget
// does with kNull, but drops no column: the old rows are still visible. Returns the stream's
// columns as the target has them.
absl::StatusOr<TableSchema> WidenTarget(postgres::Transaction& transaction,
                                        const postgres::Ledger& ledger, const StreamPlan& plan,
                                        const std::vector<postgres::UndeclaredColumn>& undeclared);

// Drops the columns that the stream no longer declares under MIRROR. For the end of an in-place
// replace.
absl::Status DropGoneColumns(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                             const StreamPlan& plan);

// Creates the tables that the records of `plans` go to, all in one message: the target of an
// append, otherwise the staging table, with the stream's default of `_airbyte_meta`. Neither of
// them may exist.
absl::Status MakeNewTables(postgres::Transaction& transaction,
                           const std::vector<const StreamPlan*>& plans);

// Creates the staging table, or evolves the existing one with its rows. It has the stream's default
// of `_airbyte_meta` afterwards.
absl::Status MakeStaging(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const StreamPlan& plan, bool exists);

// Returns the columns of the target that are dropped when the stream replaces it.
absl::StatusOr<std::set<std::string>> DroppedColumns(postgres::Transaction& transaction,
                                                     const postgres::Ledger& ledger,
                                                     const StreamPlan& plan);

// Logs how the stream's replace has changed the definition of the target.
void LogChanges(const StreamEntry& stream);

}  // namespace syncline::write
