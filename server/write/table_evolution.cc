#include "server/write/table_evolution.h"

#include <limits>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/model/plan_words.h"
#include "server/postgres/ledger/owned_columns.h"
#include "server/postgres/sql_generator.h"
#include "server/postgres/staging_table.h"
#include "server/postgres/table_columns.h"
#include "server/postgres/table_operations.h"

namespace syncline::write {
namespace {

// The table as the catalog and the ledger have it.
absl::StatusOr<EvolutionInput> ReadTable(postgres::Transaction& transaction,
                                         const postgres::Ledger& ledger, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::set<std::string> owned,
      postgres::ReadOwnedColumns(transaction, postgres::QuoteIdentifier(ledger.schema()),
                                 plan.table));
  EvolutionInput input;
  input.exists = true;
  SYNCLINE_ASSIGN_OR_RETURN(input.columns,
                            postgres::ReadTableColumns(transaction, plan.table, owned));
  input.inferred = plan.inferred_schema;
  input.policy = plan.schema_policy;
  return input;
}

std::set<std::string> DroppedBy(const std::vector<SchemaChange>& changes) {
  std::set<std::string> dropped;
  for (const SchemaChange& change : changes) {
    if (change.kind == SchemaChange::Kind::kDropColumn) dropped.insert(change.column);
  }
  return dropped;
}

}  // namespace

absl::Status PlanTable(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                       const TableToPlan& table, StreamRecord* stream) {
  StreamPlan& plan = stream->plan;
  EvolutionInput input;
  if (table.status.exists) {
    SYNCLINE_ASSIGN_OR_RETURN(input, ReadTable(transaction, ledger, plan));
  }
  input.table_bytes = table.status.size_bytes;
  input.replaced = table.replaced;
  input.max_rewrite_bytes = table.max_rewrite_bytes;
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionPlan evolution, PlanEvolution(plan.table, plan.schema, input));
  if (table.status.exists && !table.replaced) {
    SYNCLINE_RETURN_IF_ERROR(postgres::CheckCasts(transaction, plan.table, evolution.schema));
  }
  plan.schema = std::move(evolution.schema);
  for (SchemaChange& change : evolution.changes) stream->changes.push_back(std::move(change));
  return absl::OkStatus();
}

absl::Status MakeTarget(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                        const StreamPlan& plan, bool exists, postgres::CastFailure failure) {
  if (!exists) return postgres::CreateTable(transaction, plan.table, plan.schema);
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionInput input, ReadTable(transaction, ledger, plan));
  // What a frozen table needs was refused when the sync started.
  if (input.policy == SchemaPolicy::kFreeze) input.policy = SchemaPolicy::kKeep;
  input.max_rewrite_bytes = std::numeric_limits<int64_t>::max();
  SYNCLINE_ASSIGN_OR_RETURN(const EvolutionPlan evolution,
                            PlanEvolution(plan.table, plan.schema, input));
  return postgres::EvolveTable(transaction, plan.table, evolution.schema,
                               {DroppedBy(evolution.changes), failure});
}

absl::Status MakeStaging(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const StreamPlan& plan, bool exists) {
  postgres::StagingShape shape;
  shape.target = plan.table;
  shape.schema = plan.schema;
  shape.replaces = IsTruncate(plan.loader);
  SYNCLINE_ASSIGN_OR_RETURN(shape.left_out, DroppedColumns(transaction, ledger, plan));
  return exists ? postgres::EvolveStagingTable(transaction, plan.temp_table, shape)
                : postgres::CreateStagingTable(transaction, plan.temp_table, shape);
}

absl::StatusOr<std::set<std::string>> DroppedColumns(postgres::Transaction& transaction,
                                                     const postgres::Ledger& ledger,
                                                     const StreamPlan& plan) {
  if (plan.schema_policy != SchemaPolicy::kMirror || plan.inferred_schema) {
    return std::set<std::string>();
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      std::set<std::string> dropped,
      postgres::ReadOwnedColumns(transaction, postgres::QuoteIdentifier(ledger.schema()),
                                 plan.table));
  for (const ColumnSchema& column : plan.schema.columns) dropped.erase(column.column_name);
  return dropped;
}

void LogChanges(const StreamRecord& stream) {
  for (const SchemaChange& change : stream.changes) {
    Log(LogLevel::kInfo, "schema_changed")
        .Field("table", stream.plan.table.ToString())
        .Field("kind", ToText(change.kind))
        .Field("column", change.column)
        .Field("from", change.from)
        .Field("to", change.to);
  }
}

}  // namespace syncline::write
