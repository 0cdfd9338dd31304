#include "server/postgres/table/merge_in_place.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/merge_in_place_sql.h"
#include "server/postgres/table/fixed_columns.h"

namespace syncline::postgres {
namespace {

constexpr char kSavepointSql[] = "SAVEPOINT syncline_replace";
constexpr char kRollbackSql[] = "ROLLBACK TO SAVEPOINT syncline_replace";

// Returns whether a unique index has a row with the same value, or an exclusion constraint one that
// overlaps.
bool IsUniqueViolation(const absl::Status& status) {
  const std::string sqlstate = GetSqlState(status);
  return sqlstate == "23505" || sqlstate == "23P01";
}

absl::Status MakeExchangeError(const absl::Status& status, const MergeTarget& traits) {
  const auto name = [](std::string* out, const ImmediateIndex& index) { out->append(index.name); };
  return WithContext(
      status, absl::StrCat("rows that exchange values need a DEFERRABLE constraint in place of the "
                           "unique index (",
                           absl::StrJoin(traits.immediate, ", ", name), ")"));
}

absl::StatusOr<int64_t> Affected(Transaction& transaction, const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(sql));
  return result.affected();
}

absl::StatusOr<int64_t> Reinsert(Transaction& transaction, const Merge& merge) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(CreateReinsertedSql(merge)));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(DeleteReplacedSql(merge)));
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t rows, Affected(transaction, InsertReinsertedSql(merge)));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kDropReinsertedSql));
  return rows;
}

absl::StatusOr<int64_t> ClearAndUpdate(Transaction& transaction, const Merge& merge) {
  std::set<std::string> columns;
  for (const ImmediateIndex& index : merge.traits.immediate) {
    columns.insert(index.nullable.begin(), index.nullable.end());
  }
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Execute(ClearValuesSql(merge, {columns.begin(), columns.end()})));
  return Affected(transaction, UpdateReplacedSql(merge));
}

absl::StatusOr<int64_t> UpdateReplaced(Transaction& transaction, const Merge& merge) {
  const MergeTarget& traits = merge.traits;
  if (const std::vector<std::string> fixed = FindFixedColumns(merge); !fixed.empty()) {
    if (!traits.protects) return Reinsert(transaction, merge);
    SYNCLINE_RETURN_IF_ERROR(
        CheckFixedColumns(transaction, merge, fixed, CountFixedDifferencesSql(merge, fixed)));
  }
  if (traits.immediate.empty()) return Affected(transaction, UpdateReplacedSql(merge));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kSavepointSql));
  absl::StatusOr<int64_t> rows = Affected(transaction, UpdateReplacedSql(merge));
  if (rows.ok() || !IsUniqueViolation(rows.status())) return rows;
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kRollbackSql));
  const bool clearable =
      std::all_of(traits.immediate.begin(), traits.immediate.end(),
                  [](const ImmediateIndex& index) { return !index.nullable.empty(); });
  if (!traits.protects) return Reinsert(transaction, merge);
  if (!clearable) return MakeExchangeError(rows.status(), traits);
  rows = ClearAndUpdate(transaction, merge);
  return rows.ok() || !IsUniqueViolation(rows.status()) ? rows
                                                        : MakeExchangeError(rows.status(), traits);
}

}  // namespace

absl::StatusOr<InPlaceCounts> ReplaceInPlace(Transaction& transaction, const Merge& merge) {
  InPlaceCounts counts;
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(CreateReplacedSql(merge)));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(CreateRemovedSql(merge)));
  // Deletes first, so that a row may take a unique value of a deleted one.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kFetchByPlaceSql));
  SYNCLINE_ASSIGN_OR_RETURN(counts.deleted, Affected(transaction, DeleteRemovedSql(merge)));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kResetFetchByPlaceSql));
  SYNCLINE_ASSIGN_OR_RETURN(counts.updated, UpdateReplaced(transaction, merge));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kDropInPlaceSql));
  return counts;
}

}  // namespace syncline::postgres
