#include "server/postgres/table/placed_merge.h"

#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "server/model/placement_rules.h"
#include "server/postgres/sql/placed_merge_sql.h"
#include "server/postgres/sql/upsert_sql.h"
#include "server/postgres/table/fixed_columns.h"
#include "server/postgres/table/merge_survey.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::postgres {
namespace {

// Values of columns that a part of the staged rows does not have are noted in temporary tables.
absl::Status CheckDeclared(const TableName& table, const std::string& column,
                           const UpsertOptions& options) {
  if (options.undeclared.empty()) return absl::OkStatus();
  return TargetDistributed(
      table, {.kind = TablePlacement::Kind::kHash, .column = column},
      "rows are staged with columns that the stream no longer declares",
      "declare these columns again until the staged rows are published, or discard them "
      "(discard_staged)");
}

absl::StatusOr<std::vector<NullPattern>> ReadPatterns(Transaction& transaction,
                                                      const TableName& table,
                                                      const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(PlacedPatternsSql(table, schema)));
  std::vector<NullPattern> patterns;
  for (size_t row = 0; row < rows.size(); ++row) {
    NullPattern& pattern = patterns.emplace_back();
    for (size_t column = 0; column < schema.primary_key.size(); ++column) {
      pattern.push_back(rows.Bool(row, column));
    }
  }
  return patterns;
}

absl::StatusOr<int64_t> Affected(Transaction& transaction, const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(sql));
  return result.affected();
}

// Merges the winners whose keys have the null pattern.
absl::Status MergePattern(Transaction& transaction, const PlacedMerge& placed,
                          const NullPattern& nulls, UpsertCounts* counts) {
  if (HasDeletions(placed.merge)) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t deleted,
        Affected(transaction, DeletePlacedSql(placed, nulls, /*deletions=*/true)));
    counts->removed += deleted;
  }
  const bool keeps_columns = !placed.merge.traits.others.empty();
  const std::vector<std::string> fixed = FindFixedColumns(placed.merge);
  if (keeps_columns && !fixed.empty()) {
    SYNCLINE_RETURN_IF_ERROR(CheckFixedColumns(transaction, placed.merge, fixed,
                                               CountPlacedDifferencesSql(placed, nulls, fixed)));
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t beaten,
      Affected(transaction, keeps_columns ? UpdatePlacedSql(placed, nulls)
                                          : DeletePlacedSql(placed, nulls, /*deletions=*/false)));
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t inserted,
                            Affected(transaction, InsertPlacedSql(placed, nulls)));
  counts->removed += beaten;
  counts->written += keeps_columns ? beaten + inserted : inserted;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> RaiseGenerations(Transaction& transaction, const PlacedMerge& placed,
                                         const NullPattern& nulls, int64_t generation) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(RaisePlacedSql(placed, nulls),
                                                                 Params().Int(generation)));
  return rows.affected();
}

}  // namespace

absl::StatusOr<std::string> FindDistributionColumn(Transaction& transaction,
                                                   const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, {table}));
  const TablePlacement& placement = placements.front();
  return placement.kind == TablePlacement::Kind::kHash ? placement.column : std::string();
}

absl::StatusOr<UpsertCounts> UpsertPlaced(Transaction& transaction, const TableName& source,
                                          const TableName& target, const TableSchema& schema,
                                          const std::string& column, const UpsertOptions& options) {
  SYNCLINE_RETURN_IF_ERROR(CheckDeclared(target, column, options));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<NullPattern> patterns,
                            ReadPatterns(transaction, source, schema));
  UpsertCounts counts;
  if (patterns.empty()) return counts;
  PlacedMerge placed;
  placed.column = column;
  placed.merge.source = source;
  placed.merge.target = target;
  placed.merge.schema = schema;
  placed.merge.mode = options.cdc_delete_mode;
  placed.merge.winners = Winners::kInSource;
  SYNCLINE_ASSIGN_OR_RETURN(placed.merge.traits, SurveyTarget(transaction, source, target, schema));
  for (const NullPattern& nulls : patterns) {
    SYNCLINE_RETURN_IF_ERROR(MergePattern(transaction, placed, nulls, &counts));
  }
  if (!options.marking_generation.has_value()) return counts;
  for (const NullPattern& nulls : patterns) {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t raised, RaiseGenerations(transaction, placed, nulls,
                                                                     *options.marking_generation));
    counts.raised += raised;
  }
  return counts;
}

absl::StatusOr<int64_t> DedupePlaced(Transaction& transaction, const TableName& table,
                                     const TableSchema& schema, const std::string& column,
                                     const UpsertOptions& options) {
  SYNCLINE_RETURN_IF_ERROR(CheckDeclared(table, column, options));
  return Affected(transaction, DedupePlacedSql(table, schema, options.cdc_delete_mode, column));
}

}  // namespace syncline::postgres
