#include "server/postgres/table/table_columns.h"

#include "base/status_macros.h"
#include "server/postgres/sql/catalog_sql.h"

namespace syncline::postgres {

absl::StatusOr<std::vector<TableColumn>> ReadTableColumns(Transaction& transaction,
                                                          const TableName& table,
                                                          const std::set<std::string>& owned) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result result,
      transaction.Query(kTableColumnsSql, Params().Text(table.schema).Text(table.name)));
  std::vector<TableColumn> columns;
  for (size_t row = 0; row < result.size(); ++row) {
    const std::string& name = result.Text(row, 0);
    columns.push_back({.name = name,
                       .type = result.Text(row, 1),
                       .base_type = result.Text(row, 2),
                       .text_like = result.Bool(row, 3),
                       .owned = owned.count(name) > 0,
                       .not_null = result.Bool(row, 4),
                       .filled = result.Bool(row, 5),
                       .generated = result.Bool(row, 6)});
  }
  return columns;
}

absl::StatusOr<int64_t> CountAttributes(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result count,
      transaction.Query(kAttributesSql, Params().Text(table.schema).Text(table.name)));
  return count.empty() ? 0 : count.Int(0, 0);
}

}  // namespace syncline::postgres
