#include "server/write/table_evolution.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/ledger/owned_columns.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/ledger/stream_names.h"
#include "server/postgres/table/meta_default.h"
#include "server/postgres/table/retype_check.h"
#include "server/postgres/table/staging_protection.h"
#include "server/postgres/table/staging_table.h"
#include "server/postgres/table/table_columns.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/meta_defaults.h"
#include "server/write/new_table_placement.h"
#include "server/write/rewrite_log.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

// Reads the table's definition from the catalog and the ledger.
absl::StatusOr<EvolutionInput> ReadTable(postgres::Transaction& transaction,
                                         const postgres::Ledger& ledger, const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::set<std::string> owned,
      postgres::ReadOwnedColumns(transaction, ledger.quoted_schema(), plan.table));
  EvolutionInput input;
  input.exists = true;
  SYNCLINE_ASSIGN_OR_RETURN(input.columns,
                            postgres::ReadTableColumns(transaction, plan.table, owned));
  SYNCLINE_ASSIGN_OR_RETURN(input.attributes, postgres::CountAttributes(transaction, plan.table));
  input.inferred = plan.inferred_schema;
  input.policy = plan.schema_policy;
  return input;
}

const TableColumn* FindColumn(const std::vector<TableColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const TableColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

const ColumnSchema* FindDeclared(const TableSchema& schema, const std::string& name) {
  const auto found =
      std::find_if(schema.columns.begin(), schema.columns.end(),
                   [&](const ColumnSchema& column) { return column.column_name == name; });
  return found == schema.columns.end() ? nullptr : &*found;
}

bool Mirrors(const StreamPlan& plan) {
  return plan.schema_policy == SchemaPolicy::kMirror && !plan.inferred_schema;
}

void LogChange(const TableName& table, const SchemaChange& change) {
  Log(LogLevel::kInfo, "schema_changed")
      .Field("table", table.ToString())
      .Field("kind", ToText(change.kind))
      .Field("column", change.column)
      .Field("from", change.from)
      .Field("to", change.to);
}

void LogCreation(const TableName& table) {
  LogChange(table, {.kind = SchemaChange::Kind::kCreateTable, .column = "", .from = "", .to = ""});
}

std::set<std::string> GetDroppedColumns(const std::vector<SchemaChange>& changes) {
  std::set<std::string> dropped;
  for (const SchemaChange& change : changes) {
    if (change.kind == SchemaChange::Kind::kDropColumn) dropped.insert(change.column);
  }
  return dropped;
}

// Returns whether columns are dropped or get another type.
bool ChangesColumns(const std::vector<SchemaChange>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const SchemaChange& change) {
    return change.kind == SchemaChange::Kind::kChangeType ||
           change.kind == SchemaChange::Kind::kDropColumn;
  });
}

// Facts about a stream's tables if rows of earlier streams are staged.
struct StagedTables {
  std::vector<TableColumn> staged;
  std::vector<TableColumn> stored;
  std::set<std::string> dropped;                  // columns
  std::map<std::string, std::string> properties;  // by column
};

absl::StatusOr<StagedTables> ReadStaged(postgres::Transaction& transaction,
                                        const postgres::Ledger& ledger, const StreamPlan& plan) {
  StagedTables tables;
  SYNCLINE_ASSIGN_OR_RETURN(tables.staged,
                            postgres::ReadTableColumns(transaction, plan.temp_table, {}));
  SYNCLINE_ASSIGN_OR_RETURN(tables.stored, postgres::ReadTableColumns(transaction, plan.table, {}));
  SYNCLINE_ASSIGN_OR_RETURN(tables.dropped, DroppedColumns(transaction, ledger, plan));
  SYNCLINE_ASSIGN_OR_RETURN(auto facts, postgres::ReadTableColumnFacts(
                                            transaction, ledger.quoted_schema(), {plan.table}));
  for (const KnownColumn& column : facts[plan.table].known) {
    tables.properties[column.column_name] = column.input_name;
  }
  return tables;
}

// Returns the column `name` of the staging table as it is published, or nullopt if it is not
// published: it does not exist, is dropped or generated, or its values are not kept.
absl::StatusOr<std::optional<ColumnSchema>> PublishedColumn(postgres::Transaction& transaction,
                                                            const StreamPlan& plan,
                                                            const StagedTables& tables,
                                                            const std::string& name) {
  const std::optional<ColumnSchema> none;
  const TableColumn* const source = FindColumn(tables.staged, name);
  const TableColumn* const target = FindColumn(tables.stored, name);
  if (source == nullptr || source->generated || tables.dropped.count(name) > 0) return none;
  if (target != nullptr && target->generated) return none;
  if (const ColumnSchema* const declared = FindDeclared(plan.schema, name)) {
    return std::optional<ColumnSchema>(*declared);
  }
  ColumnSchema column = SchemaOf(*source);
  if (target == nullptr) {
    SYNCLINE_ASSIGN_OR_RETURN(const bool values,
                              postgres::HasValues(transaction, plan.temp_table, name));
    if (!values || Mirrors(plan)) return none;
  } else {
    // Stored values take precedence over staged ones, which become NULL with an entry.
    TableSchema wanted;
    wanted.meta = plan.schema.meta;
    wanted.columns.push_back(column);
    const absl::Status casts = postgres::CheckCasts(transaction, plan.table, wanted);
    if (!casts.ok()) {
      if (GetDetail(casts).reason != reason::kSchemaIncompatible) return casts;
      column = SchemaOf(*target);
    }
  }
  const auto property = tables.properties.find(name);
  if (property != tables.properties.end()) column.input_name = property->second;
  return std::optional<ColumnSchema>(column);
}

// Appends the columns that only the staging table has, with values, and that are given up.
absl::Status AppendGivenUp(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                           const StreamPlan& plan, std::vector<SchemaChange>* changes) {
  if (!Mirrors(plan)) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const StagedTables tables, ReadStaged(transaction, ledger, plan));
  for (const std::string& name : tables.dropped) {
    const TableColumn* const source = FindColumn(tables.staged, name);
    if (source == nullptr || FindColumn(tables.stored, name) != nullptr) continue;
    SYNCLINE_ASSIGN_OR_RETURN(const bool values,
                              postgres::HasValues(transaction, plan.temp_table, name));
    if (!values) continue;
    changes->push_back(
        {.kind = SchemaChange::Kind::kDropColumn, .column = name, .from = source->type, .to = ""});
  }
  return absl::OkStatus();
}

// Returns whether the columns, which are the same in both, have the same types in the table.
bool SameTypes(const TableSchema& a, const TableSchema& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const ColumnSchema& left, const ColumnSchema& right) {
                      return GetTableType(left) == GetTableType(right);
                    });
}

// Evolves the target. A rewrite is logged, because its lock blocks readers.
absl::Status Evolve(postgres::Transaction& transaction, const StreamPlan& plan,
                    const EvolutionPlan& evolution, postgres::CastFailure failure) {
  const auto evolve = [&] {
    return postgres::EvolveTable(transaction, plan.table, evolution.schema,
                                 {GetDroppedColumns(evolution.changes), failure});
  };
  if (!Rewrites(evolution.changes)) return evolve();
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> sizes,
                            postgres::GatherInitialStatus(
                                transaction, {{plan.table, plan.temp_table, plan.schema.meta}}));
  return LogRewrite({plan.table, sizes.front().real.size_bytes, evolution.changes}, evolve);
}

// Evolves the target, and the staging table if its columns have other types or `undeclared` ones
// are published. Returns the stream's columns.
absl::StatusOr<TableSchema> Follow(postgres::Transaction& transaction, const StreamPlan& plan,
                                   EvolutionPlan evolution, postgres::CastFailure failure,
                                   bool undeclared) {
  SYNCLINE_RETURN_IF_ERROR(Evolve(transaction, plan, evolution, failure));
  if (undeclared || (StagesRows(plan.loader) && !SameTypes(plan.schema, evolution.schema))) {
    SYNCLINE_RETURN_IF_ERROR(postgres::EvolveTable(transaction, plan.temp_table, evolution.schema,
                                                   {{}, postgres::CastFailure::kNull}));
  }
  evolution.schema.columns.resize(plan.schema.columns.size());
  return std::move(evolution.schema);
}

// Checks that completion can set the column that marks rows of older generations. A column that the
// user made may have any type.
absl::Status CheckMarking(postgres::Transaction& transaction, const StreamPlan& plan,
                          const EvolutionInput& input, const EvolutionPlan& evolution) {
  if (plan.older_generations == OlderGenerations::kKeep) return absl::OkStatus();
  const TableColumn* const column = FindColumn(input.columns, plan.deleted_at_column);
  const ColumnSchema* const planned = FindDeclared(evolution.schema, plan.deleted_at_column);
  if (column == nullptr || planned == nullptr || GetTableType(*planned) != column->type) {
    return absl::OkStatus();
  }
  SYNCLINE_ASSIGN_OR_RETURN(const bool takes, postgres::TakesTimes(transaction, column->base_type));
  return takes ? absl::OkStatus() : ColumnTakesNoTime(plan.table, column->name, column->type);
}

}  // namespace

absl::Status PlanTable(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                       const TableToPlan& table, StreamEntry* stream) {
  StreamPlan& plan = stream->plan;
  EvolutionInput input;
  if (table.status.exists) {
    SYNCLINE_ASSIGN_OR_RETURN(input, ReadTable(transaction, ledger, plan));
  }
  input.table_bytes = table.status.size_bytes;
  input.replaced = table.replaced;
  input.max_rewrite_bytes = table.max_rewrite_bytes;
  std::vector<postgres::UndeclaredColumn> undeclared;
  if (table.staged_rows && !table.replaced) {
    SYNCLINE_ASSIGN_OR_RETURN(undeclared, FindUndeclared(transaction, ledger, plan));
  }
  // A column that the stream no longer declares is a difference, whatever is staged in it.
  if (input.policy == SchemaPolicy::kFreeze && !undeclared.empty()) {
    SYNCLINE_RETURN_IF_ERROR(PlanEvolution(plan.table, plan.schema, input).status());
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      EvolutionPlan evolution,
      PlanEvolution(plan.table, postgres::WithUndeclared(plan.schema, undeclared), input));
  SYNCLINE_RETURN_IF_ERROR(CheckMarking(transaction, plan, input, evolution));
  if (ChangesColumns(evolution.changes)) {
    SYNCLINE_RETURN_IF_ERROR(postgres::CheckColumnChanges(
        transaction, plan.table,
        {evolution.schema, GetDroppedColumns(evolution.changes), table.replaced}));
  }
  if (table.status.exists && !table.replaced && !table.in_place) {
    SYNCLINE_RETURN_IF_ERROR(postgres::CheckCasts(transaction, plan.table, evolution.schema));
  }
  evolution.schema.columns.resize(plan.schema.columns.size());
  plan.schema = std::move(evolution.schema);
  for (SchemaChange& change : evolution.changes) stream->changes.push_back(std::move(change));
  return table.staged_rows ? AppendGivenUp(transaction, ledger, plan, &stream->changes)
                           : absl::OkStatus();
}

absl::StatusOr<std::vector<postgres::UndeclaredColumn>> FindUndeclared(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan) {
  std::vector<postgres::UndeclaredColumn> undeclared;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::StagedColumn> staged,
                            postgres::FindStagedColumns(transaction, ledger, plan));
  if (staged.empty()) return undeclared;
  SYNCLINE_ASSIGN_OR_RETURN(const StagedTables tables, ReadStaged(transaction, ledger, plan));
  for (const postgres::StagedColumn& column : staged) {
    if (IsComparedByUpsert(plan.schema, column.name)) continue;
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<ColumnSchema> published,
                              PublishedColumn(transaction, plan, tables, column.name));
    if (published.has_value()) undeclared.push_back({*published, column.absent});
  }
  return undeclared;
}

absl::StatusOr<EvolutionPlan> ReplanTarget(
    postgres::Transaction& transaction, const postgres::Ledger& ledger, const StreamPlan& plan,
    const std::vector<postgres::UndeclaredColumn>& undeclared) {
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionInput input, ReadTable(transaction, ledger, plan));
  if (input.policy == SchemaPolicy::kFreeze) input.policy = SchemaPolicy::kKeep;
  input.max_rewrite_bytes = std::numeric_limits<int64_t>::max();
  return PlanEvolution(plan.table, postgres::WithUndeclared(plan.schema, undeclared), input);
}

absl::StatusOr<bool> NeedsEvolution(postgres::Transaction& transaction,
                                    const postgres::Ledger& ledger, const StreamPlan& plan,
                                    const std::vector<postgres::UndeclaredColumn>& undeclared) {
  SYNCLINE_ASSIGN_OR_RETURN(const EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, undeclared));
  return !evolution.changes.empty();
}

absl::Status EvolveTarget(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                          const StreamPlan& plan, postgres::CastFailure failure,
                          const std::vector<postgres::UndeclaredColumn>& undeclared,
                          absl::FunctionRef<absl::Status()> check) {
  SYNCLINE_ASSIGN_OR_RETURN(const EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, undeclared));
  if (evolution.changes.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(check());
  return Evolve(transaction, plan, evolution, failure);
}

absl::StatusOr<TableSchema> MakeTarget(postgres::Transaction& transaction,
                                       const postgres::Ledger& ledger, const StreamPlan& plan,
                                       bool exists, postgres::CastFailure failure,
                                       const std::vector<postgres::UndeclaredColumn>& undeclared) {
  if (!exists) {
    // A target that records are loaded into.
    const std::string meta_default = StagesRows(plan.loader) ? "" : GetMetaDefault(plan);
    SYNCLINE_RETURN_IF_ERROR(postgres::CreateTable(
        transaction, plan.table, postgres::WithUndeclared(plan.schema, undeclared), meta_default));
    SYNCLINE_RETURN_IF_ERROR(PlaceTarget(transaction, plan));
    LogCreation(plan.table);
    return plan.schema;
  }
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, undeclared));
  return Follow(transaction, plan, std::move(evolution), failure, !undeclared.empty());
}

absl::StatusOr<TableSchema> WidenTarget(postgres::Transaction& transaction,
                                        const postgres::Ledger& ledger, const StreamPlan& plan,
                                        const std::vector<postgres::UndeclaredColumn>& undeclared) {
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, undeclared));
  std::vector<SchemaChange>& changes = evolution.changes;
  changes.erase(std::remove_if(changes.begin(), changes.end(),
                               [](const SchemaChange& change) {
                                 return change.kind == SchemaChange::Kind::kDropColumn;
                               }),
                changes.end());
  return Follow(transaction, plan, std::move(evolution), postgres::CastFailure::kNull,
                !undeclared.empty());
}

absl::Status DropGoneColumns(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                             const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const EvolutionPlan evolution,
                            ReplanTarget(transaction, ledger, plan, {}));
  const std::set<std::string> gone = GetDroppedColumns(evolution.changes);
  if (gone.empty()) return absl::OkStatus();
  return postgres::EvolveTable(transaction, plan.table, evolution.schema,
                               {gone, postgres::CastFailure::kNull});
}

absl::Status MakeNewTables(postgres::Transaction& transaction,
                           const std::vector<const StreamPlan*>& plans) {
  if (plans.empty()) return absl::OkStatus();
  std::vector<postgres::NewTable> tables;
  tables.reserve(plans.size());
  for (const StreamPlan* plan : plans) {
    tables.push_back({&plan->load_table(), &plan->schema, GetMetaDefault(*plan)});
  }
  SYNCLINE_RETURN_IF_ERROR(postgres::CreateTables(transaction, tables));
  std::vector<TableName> staging;
  for (const StreamPlan* plan : plans) {
    SYNCLINE_RETURN_IF_ERROR(PlaceLoadTable(transaction, *plan));
    if (StagesRows(plan->loader)) {
      staging.push_back(plan->temp_table);
    } else {
      LogCreation(plan->table);
    }
  }
  return staging.empty() ? absl::OkStatus() : postgres::ProtectStaging(transaction, staging);
}

absl::Status MakeStaging(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                         const StreamPlan& plan, bool exists) {
  postgres::StagingShape shape;
  shape.target = plan.table;
  shape.schema = plan.schema;
  shape.replaces = IsTruncate(plan.loader);
  shape.placement = GetPlacementRequest(plan);
  SYNCLINE_ASSIGN_OR_RETURN(shape.left_out, DroppedColumns(transaction, ledger, plan));
  SYNCLINE_RETURN_IF_ERROR(exists
                               ? postgres::EvolveStagingTable(transaction, plan.temp_table, shape)
                               : postgres::CreateStagingTable(transaction, plan.temp_table, shape));
  const std::string meta_default = GetMetaDefault(plan);
  return meta_default.empty()
             ? absl::OkStatus()
             : postgres::SetMetaDefault(transaction, plan.temp_table, meta_default);
}

absl::StatusOr<std::set<std::string>> DroppedColumns(postgres::Transaction& transaction,
                                                     const postgres::Ledger& ledger,
                                                     const StreamPlan& plan) {
  if (!Mirrors(plan)) return std::set<std::string>();
  SYNCLINE_ASSIGN_OR_RETURN(
      std::set<std::string> dropped,
      postgres::ReadOwnedColumns(transaction, ledger.quoted_schema(), plan.table));
  for (const ColumnSchema& column : plan.schema.columns) dropped.erase(column.column_name);
  return dropped;
}

void LogChanges(const StreamEntry& stream) {
  for (const SchemaChange& change : stream.changes) LogChange(stream.plan.table, change);
}

}  // namespace syncline::write
