#include "server/postgres/table/ordered_merge.h"

#include "base/status_macros.h"
#include "server/postgres/sql/ordered_merge_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kSavepointSql[] = "SAVEPOINT syncline_ordered";
constexpr char kRollbackSql[] = "ROLLBACK TO SAVEPOINT syncline_ordered";
constexpr char kReleaseSql[] = "RELEASE SAVEPOINT syncline_ordered";

absl::StatusOr<bool> AreInOrder(Transaction& transaction, const Merge& merge, int64_t staged_rows) {
  Params params;
  params.Text(merge.target.schema).Text(merge.target.name);
  params.Text(merge.source.schema).Text(merge.source.name).TextArray(merge.schema.primary_key);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kKeyOrderSql, params));
  if (rows.empty()) return false;
  const RowView row = rows.Row(0);
  return row.Bool("ordered") && row.Bool("indexed") && staged_rows <= row.Int("rows") / 2;
}

// Returns the number of deleted rows.
absl::StatusOr<int64_t> RemoveBeaten(Transaction& transaction, const Merge& merge,
                                     const std::vector<NullPattern>& patterns) {
  int64_t removed = 0;
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kFetchByPlaceSql));
  for (const NullPattern& nulls : patterns) {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                              transaction.Query(RemoveBeatenInOrderSql(merge, nulls)));
    removed += rows.affected();
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kResetFetchByPlaceSql));
  return removed;
}

}  // namespace

absl::StatusOr<std::optional<UpsertCounts>> MergeInOrder(Transaction& transaction,
                                                         const Merge& merge,
                                                         const std::vector<NullPattern>& patterns,
                                                         int64_t staged_rows) {
  // Citus refuses functions with side effects in a DELETE. With another collation, the index would
  // not be searched.
  if (merge.winners != Winners::kInSource || merge.in_place() || transaction.on_citus() ||
      !merge.traits.collations.empty()) {
    return std::nullopt;
  }
  SYNCLINE_ASSIGN_OR_RETURN(const bool in_order, AreInOrder(transaction, merge, staged_rows));
  if (!in_order) return std::nullopt;
  SYNCLINE_RETURN_IF_ERROR(transaction.Query(kForgetUnbeatenSql).status());
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kSavepointSql));
  UpsertCounts counts;
  SYNCLINE_ASSIGN_OR_RETURN(counts.removed, RemoveBeaten(transaction, merge, patterns));
  SYNCLINE_ASSIGN_OR_RETURN(const Result unbeaten, transaction.Query(kHasUnbeatenSql));
  if (unbeaten.Bool(0, 0)) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kRollbackSql));
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kReleaseSql));
    return std::nullopt;
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kReleaseSql));
  SYNCLINE_ASSIGN_OR_RETURN(const Result inserted,
                            transaction.Query(InsertWinnersSql(merge, Remaining::kNone)));
  counts.written = inserted.affected();
  return counts;
}

}  // namespace syncline::postgres
