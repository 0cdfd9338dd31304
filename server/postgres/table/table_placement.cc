#include "server/postgres/table/table_placement.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "server/model/placement_rules.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: schemas, $2: names, arrays of the same length. Returns one row per table that Citus places,
// or would place if it were created. `place` counts from 1.
constexpr char kPlacementsSql[] = R"sql(
SELECT w.place, p.partmethod AS method, p.repmodel AS model,
       coalesce(p.colocationid, s.colocationid) AS colocation,
       CASE WHEN p.partkey IS NOT NULL
            THEN pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) END AS column_name,
       CASE WHEN p.partmethod = 'h' THEN d.shardcount END AS shards
FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[])
     WITH ORDINALITY AS w (schema_name, table_name, place)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema_name
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
LEFT JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = c.oid
LEFT JOIN pg_catalog.pg_dist_colocation d ON d.colocationid = p.colocationid
LEFT JOIN pg_catalog.pg_dist_schema s ON s.schemaid = n.oid AND c.oid IS NULL
WHERE p.logicalrelid IS NOT NULL OR s.schemaid IS NOT NULL
)sql";

// $1: schema; $2: name.
constexpr char kIsDistributedSql[] = R"sql(
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_dist_partition p
  JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND p.partmethod = 'h')
)sql";

TablePlacement::Kind ReadKind(const RowView& row) {
  using Kind = TablePlacement::Kind;
  const std::string& method = row.Text("method");
  if (method == "h") return Kind::kHash;
  if (method != "n" && !method.empty()) return Kind::kOther;
  if (row.Text("model") == "t") return Kind::kReference;
  return row.Int("colocation") == 0 ? Kind::kManagedLocal : Kind::kSingleShard;
}

// $1: table; $2: column, or NULL for a table without shards; $3: a table, or 'default'.
constexpr char kDistributeSql[] =
    "SELECT pg_catalog.create_distributed_table($1::pg_catalog.regclass, $2, colocate_with => $3)";
// $1: table.
constexpr char kReferenceSql[] =
    "SELECT pg_catalog.create_reference_table($1::pg_catalog.regclass)";

// $1: table. Without indexes, with TOAST.
constexpr char kSizeSql[] = "SELECT pg_catalog.citus_table_size($1::pg_catalog.regclass)";

constexpr absl::string_view kActiveTransaction = "25001";

absl::Status Distribute(Transaction& transaction, const TableName& table,
                        const TablePlacement& wanted, absl::string_view colocate_with) {
  const absl::Status placed =
      transaction
          .Query(kDistributeSql,
                 Params().Text(QuoteTable(table)).Text(wanted.column).Text(colocate_with))
          .status();
  return IsRefused(placed) || absl::IsInternal(placed)
             ? TargetDistributed(table, {}, "it cannot be distributed as requested",
                                 placed.message())
             : placed;
}

}  // namespace

absl::StatusOr<std::vector<TablePlacement>> LookUpPlacements(Transaction& transaction,
                                                             const std::vector<TableName>& tables) {
  std::vector<TablePlacement> placements(tables.size());
  if (!transaction.on_citus()) return placements;
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kPlacementsSql, Params().TableNames(tables)));
  for (const RowView row : rows) {
    placements.at(static_cast<size_t>(row.Int("place")) - 1) = {
        .kind = ReadKind(row),
        .column = row.Text("column_name"),
        .colocation_id = row.Int("colocation"),
        .shards = row.Int("shards")};
  }
  return placements;
}

absl::StatusOr<bool> IsDistributed(Connection& connection, const TableName& table) {
  if (!connection.on_citus()) return false;
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found,
      connection.Query(kIsDistributedSql, Params().Text(table.schema).Text(table.name)));
  return found.Bool(0, 0);
}

absl::Status PlaceTable(Transaction& transaction, const TableName& table,
                        const PlacementRequest& request) {
  if (request.column.empty() || !transaction.on_citus()) return absl::OkStatus();
  return Distribute(transaction, table,
                    {.kind = TablePlacement::Kind::kHash, .column = request.column},
                    request.colocate_with.empty() ? "default" : request.colocate_with);
}

absl::Status PlaceLike(Transaction& transaction, const TableName& table,
                       const TableName& original) {
  if (!transaction.on_citus()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, {table, original}));
  const TablePlacement& wanted = placements[1];
  if (ArePlacedAlike(placements[0], wanted)) return absl::OkStatus();
  if (!placements[0].placed()) {
    if (wanted.kind == TablePlacement::Kind::kHash) {
      return Distribute(transaction, table, wanted, QuoteTable(original));
    }
    if (wanted.kind == TablePlacement::Kind::kReference) {
      return transaction.Query(kReferenceSql, Params().Text(QuoteTable(table))).status();
    }
  }
  return StagedElsewhere(table, original, wanted);
}

absl::Status SettleRows(Transaction& transaction, const TableName& table) {
  if (!transaction.on_citus()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, {table}));
  if (!placements.front().placed()) return absl::OkStatus();
  const TableName moment = {table.schema,
                            absl::StrCat("_syncline_settle_", Sha256Hex(table.name, 24))};
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(RenameTableSql(table, moment.name)));
  return transaction.Execute(RenameTableSql(moment, table.name));
}

absl::StatusOr<int64_t> GetPlacedSize(Transaction& transaction, const TableName& table) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SAVEPOINT syncline_size"));
  const absl::StatusOr<Result> size = transaction.Query(kSizeSql, Params().Text(QuoteTable(table)));
  if (GetSqlState(size.status()) == kActiveTransaction) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute("ROLLBACK TO SAVEPOINT syncline_size"));
    return 0;
  }
  SYNCLINE_RETURN_IF_ERROR(size.status());
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("RELEASE SAVEPOINT syncline_size"));
  return size->Int(0, 0);
}

}  // namespace syncline::postgres
