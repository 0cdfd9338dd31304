#include "server/write/table_renewal.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/model/names.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/swap/swap.h"
#include "server/postgres/table/carried_columns.h"
#include "server/postgres/table/key_indexes.h"
#include "server/postgres/table/staging_table.h"
#include "server/postgres/table/table_columns.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/rewrite_log.h"
#include "server/write/table_evolution.h"

namespace syncline::write {
namespace {

struct Renewal {
  bool needed = false;
  int64_t table_bytes = 0;
  std::vector<SchemaChange> changes;
  // Only the primary key, which is empty if the table has no index of ours on it, and `meta`.
  TableSchema key;
};

absl::StatusOr<Renewal> Survey(const LoaderContext& context, postgres::Transaction& transaction,
                               const StreamPlan& plan) {
  Renewal renewal;
  renewal.key.meta = plan.schema.meta;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(
                                transaction, {{plan.table, plan.temp_table, plan.schema.meta}}));
  const postgres::InitialStatus& status = statuses.front();
  if (!status.real.exists) return renewal;
  std::vector<postgres::UndeclaredColumn> undeclared;
  if (!status.temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(undeclared, FindUndeclared(transaction, *context.ledger, plan));
  }
  SYNCLINE_ASSIGN_OR_RETURN(EvolutionPlan evolution,
                            ReplanTarget(transaction, *context.ledger, plan, undeclared));
  renewal.needed = NeedsCopy(evolution.changes);
  renewal.table_bytes = status.real.size_bytes;
  renewal.changes = std::move(evolution.changes);
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<postgres::PlainIndex> indexes,
      postgres::KeyIndexes(context.ledger->schema()).Find(transaction, plan.table));
  for (const postgres::PlainIndex& index : indexes) {
    if (index.ours && index.columns == plan.schema.primary_key) {
      renewal.key.primary_key = plan.schema.primary_key;
    }
  }
  return renewal;
}

// Runs in the transaction of the swap, so that nothing is written to the target after it was read.
absl::Status CopyRows(const LoaderContext& context, postgres::Transaction& transaction,
                      const TableName& table, const TableName& copy, TableMeta meta) {
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(postgres::LockAgainstWritersSql(table)));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableColumn> present,
                            postgres::ReadTableColumns(transaction, copy, {}));
  std::vector<std::string> columns = GetMetaColumns(meta);
  for (const TableColumn& column : present) {
    if (!column.generated) columns.push_back(column.name);
  }
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(postgres::CopyTableSql(table, copy, columns)).status());
  SYNCLINE_RETURN_IF_ERROR(postgres::CarryIdentityPositions(transaction, copy, table));
  return transaction.Execute(postgres::AnalyzeSql(copy));
}

absl::Status Renew(const LoaderContext& context, const TableName& table, const Renewal& renewal) {
  // Not the name of the staging table, which may contain rows.
  const std::string& schema = context.ledger->schema();
  const TableName copy = GetStagingTableName(GetStagingTableName(table, schema), schema);
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, copy));
        return postgres::CreateStagingTable(transaction, copy,
                                            {.target = table, .schema = {}, .replaces = true});
      }));
  const postgres::KeyIndexes key_indexes(context.ledger->schema());
  const absl::Status swapped = postgres::OverwriteTable(
      *context.database, copy, table,
      {.locks = context.locks,
       .loaded = false,
       .prune_kept = false,
       .key_index = {.indexes = &key_indexes, .schema = &renewal.key}},
      [&](postgres::Transaction& transaction) {
        return CopyRows(context, transaction, table, copy, renewal.key.meta);
      },
      nullptr);
  if (swapped.ok()) return swapped;
  const absl::Status dropped = context.database->Transact(
      [&](postgres::Transaction& transaction) { return postgres::DropTable(transaction, copy); });
  // The next renewal drops it.
  if (!dropped.ok()) {
    Log(LogLevel::kWarning, "copy_not_dropped").Field("table", copy.ToString()).Error(dropped);
  }
  return swapped;
}

}  // namespace

bool NeedsCopy(const std::vector<SchemaChange>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const SchemaChange& change) {
    return change.kind == SchemaChange::Kind::kAddColumn && change.rewrites;
  });
}

absl::Status RenewTable(const LoaderContext& context, const StreamEntry& stream) {
  if (!NeedsCopy(stream.changes)) return absl::OkStatus();
  const TableName& table = stream.plan.table;
  Renewal renewal;
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(renewal, Survey(context, transaction, stream.plan));
        return absl::OkStatus();
      }));
  if (!renewal.needed) return absl::OkStatus();
  return LogRewrite({table, renewal.table_bytes, renewal.changes},
                    [&] { return Renew(context, table, renewal); });
}

}  // namespace syncline::write
