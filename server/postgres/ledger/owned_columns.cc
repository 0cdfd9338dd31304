#include "server/postgres/ledger/owned_columns.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

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

absl::Status NoteColumns(Transaction& transaction, absl::string_view quoted_schema,
                         const TableName& table, const TableSchema& schema,
                         const std::vector<std::string>& present) {
  std::vector<std::string> inputs;
  std::vector<std::string> names;
  std::vector<std::string> made;
  for (const ColumnSchema& column : schema.columns) {
    inputs.push_back(column.input_name);
    names.push_back(column.column_name);
    if (std::find(present.begin(), present.end(), column.column_name) == present.end()) {
      made.push_back(column.column_name);
    }
  }
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(absl::StrCat("INSERT INTO ", quoted_schema,
                              ".table_column (table_schema, table_name, input_name, column_name,"
                              " owned) SELECT $1, $2, c.input, c.name, false"
                              " FROM unnest($3::text[], $4::text[]) AS c (input, name)"
                              " ON CONFLICT DO NOTHING"),
                 Params().Text(table.schema).Text(table.name).TextArray(inputs).TextArray(names))
          .status());
  return transaction
      .Query(absl::StrCat("UPDATE ", quoted_schema,
                          ".table_column SET owned = column_name = ANY ($3::text[])"
                          " WHERE table_schema = $1 AND table_name = $2"
                          " AND NOT column_name = ANY ($4::text[])"
                          " AND owned <> (column_name = ANY ($3::text[]))"),
             Params().Text(table.schema).Text(table.name).TextArray(made).TextArray(present))
      .status();
}

}  // namespace syncline::postgres
