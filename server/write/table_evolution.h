// How a stream's plan becomes the definitions of its tables: planned when the sync starts, applied
// when its loader needs the table. The decision itself is model/evolution_plan.h.
//
// Stateless: safe from any thread. Called under the lock of the table's name.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/evolution_plan.h"
#include "server/model/plan.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/postgres/table/schema_evolution.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::write {

struct TableToPlan {
  postgres::TableStatus status;  // of the target
  bool staged_rows = false;      // the staging table has rows that are going to be published
  bool replaced = false;         // what is loaded takes the target's place
  int64_t max_rewrite_bytes = 0;
};

// Decides the stream's columns and what changes in its table: fills `stream`'s schema and changes.
// Changes no table and takes no lock above ACCESS
// SHARE. Errors: those of PlanEvolution; FAILED_PRECONDITION SCHEMA_INCOMPATIBLE when a stored
// value cannot take its column's new type.
absl::Status PlanTable(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                       const TableToPlan& table, StreamRecord* stream);

// The columns of the staging table, which exists, that the stream or an earlier one whose rows are
// staged does not declare; those of the key and the cursor aside. Under MIRROR columns that the
// stream does not declare and the target has not are given up.
absl::StatusOr<std::vector<postgres::UndeclaredColumn>> FindUndeclared(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan);

// What the stream needs of the target, which exists, as it is now. Nothing is refused that was
// decided when the sync started.
absl::StatusOr<EvolutionPlan> PlanAgain(postgres::Transaction& transaction,
                                        const postgres::Ledger& ledger, const StreamPlan& plan,
                                        const std::vector<postgres::UndeclaredColumn>& undeclared);

// Makes the target, or evolves the one that is there. A user's column that came since the plan
// stays; `failure` is what becomes of a stored value that does not cast. `undeclared` columns are
// among the target's then. All that is staged has the target's types afterwards: the plan may have
// been made for a table that is replaced. Returns the stream's columns as the target has them.
absl::StatusOr<TableSchema> MakeTarget(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan,
    bool exists, postgres::CastFailure failure,
    const std::vector<postgres::UndeclaredColumn>& undeclared = {});

// Makes the staging table, or evolves the one that is there with its rows.
absl::Status MakeStaging(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const StreamPlan& plan, bool exists);

// The columns of the target that go when the stream replaces it.
absl::StatusOr<std::set<std::string>> DroppedColumns(postgres::Transaction& transaction,
                                                     const postgres::Ledger& ledger,
                                                     const StreamPlan& plan);

// Logs what the stream's replace has changed in the definition of the target.
void LogChanges(const StreamRecord& stream);

}  // namespace syncline::write
