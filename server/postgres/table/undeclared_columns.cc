#include "server/postgres/table/undeclared_columns.h"

#include <map>
#include <set>

#include "base/status_macros.h"
#include "server/postgres/sql/undeclared_sql.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table; $3: columns. Returns the columns that fill themselves.
constexpr char kDefaultsSql[] = R"sql(
SELECT a.attname AS name,
       CASE WHEN d.oid IS NOT NULL THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)
            ELSE (SELECT pg_catalog.format('pg_catalog.nextval(%L::pg_catalog.regclass)',
                                           p.objid::pg_catalog.regclass)
                  FROM pg_catalog.pg_depend p
                  WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i')
       END AS expression
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = ANY ($3::text[])
  AND (d.oid IS NOT NULL OR a.attidentity <> '')
)sql";

absl::StatusOr<std::map<std::string, std::string>> ReadDefaults(
    Transaction& transaction, const TableName& table,
    const std::vector<UndeclaredColumn>& columns) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kDefaultsSql,
                        Params().Text(table.schema).Text(table.name).TextArray(NamesOf(columns))));
  std::map<std::string, std::string> defaults;
  for (const RowView row : rows) defaults[row.Text("name")] = row.Text("expression");
  return defaults;
}

absl::Status Note(Transaction& transaction, const TableName& staging, const TableName& target,
                  const TableSchema& schema, CdcDeleteMode mode,
                  const std::vector<UndeclaredColumn>& columns) {
  SYNCLINE_ASSIGN_OR_RETURN(const auto defaults, ReadDefaults(transaction, target, columns));
  std::vector<UndeclaredSql> parts;
  Params params;
  for (const UndeclaredColumn& undeclared : columns) {
    const ColumnSchema& column = undeclared.column;
    const auto found = defaults.find(column.column_name);
    // A row that follows a deletion is not deleted.
    const bool marks = mode == CdcDeleteMode::kHard && column.input_name == kCdcDeletedAtField;
    parts.push_back({.name = column.column_name,
                     .fallback = found == defaults.end() ? "" : found->second,
                     .inherits = !marks});
    std::vector<std::string> firsts;
    std::vector<std::string> lasts;
    for (const RawIdRange& range : undeclared.absent) {
      firsts.push_back(range.first);
      lasts.push_back(range.last);
    }
    params.TextArray(firsts).TextArray(lasts);
  }
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(CreateUndeclaredSql(staging, parts)));
  return transaction.Query(RecordUndeclaredSql(staging, schema, parts), params).status();
}

}  // namespace

TableSchema WithUndeclared(const TableSchema& schema,
                           const std::vector<UndeclaredColumn>& columns) {
  TableSchema all = schema;
  std::set<std::string> declared;
  for (const ColumnSchema& column : schema.columns) declared.insert(column.column_name);
  for (const UndeclaredColumn& undeclared : columns) {
    if (declared.count(undeclared.column.column_name) == 0)
      all.columns.push_back(undeclared.column);
  }
  return all;
}

std::vector<std::string> NamesOf(const std::vector<UndeclaredColumn>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const UndeclaredColumn& undeclared : columns) names.push_back(undeclared.column.column_name);
  return names;
}

absl::Status FillUndeclared(Transaction& transaction, const TableName& staging,
                            const TableName& target, const TableSchema& schema, CdcDeleteMode mode,
                            const std::vector<UndeclaredColumn>& columns) {
  if (columns.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Note(transaction, staging, target, schema, mode, columns));
  return transaction.Execute(FillUndeclaredSql(staging, NamesOf(columns)));
}

absl::Status DropUndeclared(Transaction& transaction,
                            const std::vector<UndeclaredColumn>& columns) {
  return columns.empty() ? absl::OkStatus()
                         : transaction.Execute("DROP TABLE pg_temp.syncline_undeclared");
}

}  // namespace syncline::postgres
