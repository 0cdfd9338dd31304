#include "server/postgres/ledger/owned_columns.h"

#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kReadSql[] = R"sql(
SELECT column_name FROM $L.table_column WHERE table_schema = $1 AND table_name = $2 AND owned
)sql";

}  // namespace

absl::StatusOr<std::set<std::string>> ReadOwnedColumns(Transaction& transaction,
                                                       absl::string_view quoted_schema,
                                                       const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kReadSql, quoted_schema),
                                              Params().Text(table.schema).Text(table.name)));
  std::set<std::string> owned;
  for (const RowView row : rows) owned.insert(row.Text("column_name"));
  return owned;
}

}  // namespace syncline::postgres
