#include "server/postgres/ledger/owned_columns.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {

absl::StatusOr<std::set<std::string>> ReadOwnedColumns(Transaction& transaction,
                                                       absl::string_view quoted_schema,
                                                       const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result result,
      transaction.Query(absl::StrCat("SELECT column_name FROM ", quoted_schema,
                                     ".table_column WHERE table_schema = $1 AND table_name = $2"
                                     " AND owned"),
                        Params().Text(table.schema).Text(table.name)));
  std::set<std::string> owned;
  for (size_t row = 0; row < result.size(); ++row) owned.insert(result.Text(row, 0));
  return owned;
}

}  // namespace syncline::postgres
