#include "server/postgres/table/table_columns.h"

#include "base/status_macros.h"
#include "server/postgres/sql/catalog_sql.h"

namespace syncline::postgres {

absl::StatusOr<std::vector<TableColumn>> ReadTableColumns(Transaction& transaction,
                                                          const TableName& table,
                                                          const std::set<std::string>& owned) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kTableColumnsSql, Params().Text(table.schema).Text(table.name)));
  std::vector<TableColumn> columns;
  for (const RowView row : rows) {
    const std::string& name = row.Text("name");
    columns.push_back({.name = name,
                       .type = row.Text("type"),
                       .base_type = row.Text("base_type"),
                       .text_like = row.Bool("text_like"),
                       .text_form = row.Bool("text_form"),
                       .owned = owned.count(name) > 0,
                       .not_null = row.Bool("not_null"),
                       .filled = row.Bool("filled"),
                       .generated = row.Bool("generated")});
  }
  return columns;
}

absl::StatusOr<bool> TakesTimes(Transaction& transaction, const std::string& base_type) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result takes,
                            transaction.Query(kTakesTimesSql, Params().Text(base_type)));
  return !takes.empty() && takes.Bool(0, 0);
}

absl::StatusOr<int64_t> CountAttributes(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result count,
      transaction.Query(kAttributesSql, Params().Text(table.schema).Text(table.name)));
  return count.empty() ? 0 : count.Int(0, 0);
}

}  // namespace syncline::postgres
