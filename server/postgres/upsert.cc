#include "server/postgres/upsert.h"

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/status_macros.h"
#include "server/postgres/catalog_sql.h"
#include "server/postgres/sql_generator.h"
#include "server/postgres/table_operations.h"
#include "server/postgres/upsert_sql.h"

namespace syncline::postgres {
namespace {

absl::Status Prepare(Transaction& transaction, const TableName& table, const TableSchema& schema,
                     const UpsertOptions& options) {
  if (schema.primary_key.empty()) {
    ErrorDetail detail;
    detail.reason = "MISSING_PK";
    detail.subject = table.ToString();
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat(table.ToString(), " cannot be deduplicated: no primary key"),
                     detail);
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(LockAgainstWritersSql(table)));
  return transaction.Query(kRaiseWorkMemSql, Params().Text(options.work_mem)).status();
}

absl::StatusOr<std::vector<NullPattern>> CreateWinners(Transaction& transaction,
                                                       const TableName& source,
                                                       const TableSchema& schema,
                                                       CdcDeleteMode mode) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(CreateWinnersSql(source, schema, mode)));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kAnalyzeWinnersSql));
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(NullPatternsSql(schema)));
  std::vector<NullPattern> patterns;
  for (size_t row = 0; row < result.size(); ++row) {
    NullPattern& pattern = patterns.emplace_back();
    for (size_t column = 0; column < schema.primary_key.size(); ++column) {
      pattern.push_back(result.Bool(row, column));
    }
  }
  return patterns;
}

// A row that is replaced is deleted and inserted: measured 1.7 s against 2.1 s for an UPDATE of
// 200,000 rows of 1,000,000. Triggers and foreign keys, though, must see an update, not a deletion.
absl::StatusOr<bool> MustUpdateInPlace(Transaction& transaction, const TableName& target) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result result,
      transaction.Query(kHasTriggersSql, Params().Text(target.schema).Text(target.name)));
  return result.Bool(0, 0);
}

}  // namespace

absl::StatusOr<UpsertCounts> UpsertTable(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema,
                                         const UpsertOptions& options) {
  SYNCLINE_RETURN_IF_ERROR(Prepare(transaction, target, schema, options));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<NullPattern> patterns,
                            CreateWinners(transaction, source, schema, options.cdc_delete_mode));
  SYNCLINE_ASSIGN_OR_RETURN(const bool in_place, MustUpdateInPlace(transaction, target));
  UpsertCounts counts;
  for (const NullPattern& nulls : patterns) {
    if (in_place) {
      SYNCLINE_ASSIGN_OR_RETURN(const Result replaced,
                                transaction.Query(ReplaceSql(source, target, schema, nulls)));
      counts.written += replaced.affected();
      counts.removed += replaced.affected();
    }
    SYNCLINE_ASSIGN_OR_RETURN(const Result removed,
                              transaction.Query(RemoveBeatenSql(target, schema, nulls)));
    SYNCLINE_ASSIGN_OR_RETURN(const Result inserted,
                              transaction.Query(InsertMissingSql(source, target, schema, nulls)));
    counts.removed += removed.affected();
    counts.written += inserted.affected();
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kDropWinnersSql));
  SYNCLINE_RETURN_IF_ERROR(CreateIndexes(transaction, target, schema));
  return counts;
}

absl::StatusOr<int64_t> DedupeTable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema, const UpsertOptions& options) {
  SYNCLINE_RETURN_IF_ERROR(Prepare(transaction, table, schema, options));
  SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                            transaction.Query(DedupeSql(table, schema, options.cdc_delete_mode)));
  return result.affected();
}

}  // namespace syncline::postgres
