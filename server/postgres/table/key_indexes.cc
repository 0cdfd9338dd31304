#include "server/postgres/table/key_indexes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/ledger_sql.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// Number of candidate names for an index.
constexpr int kMaxNameAttempts = 20;

// $1: schema; $2: table. Returns one row per plain index of the table and per column of it, in the
// order of the columns. `ours`: the ledger lists the index with these columns.
constexpr char kFindSql[] = R"sql(
WITH plain AS (
  SELECT i.relname::text AS name,
         x.indisunique OR x.indnatts <> x.indnkeyatts AS special,
         ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k (n, at)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n
               WHERE k.at <= x.indnkeyatts ORDER BY k.at) AS columns
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = i.relam
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND x.indisvalid AND x.indisready
    AND m.amname = 'btree' AND x.indpred IS NULL AND x.indexprs IS NULL
    AND NOT EXISTS (
      SELECT FROM unnest(x.indkey::int2[], x.indcollation::oid[]) k (n, collation_oid)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n
      WHERE k.collation_oid <> a.attcollation))
SELECT p.name AS index_name, u.name AS column_name, l.index_name IS NOT NULL AS ours
FROM plain p
LEFT JOIN $L.table_index l ON l.table_schema = $1 AND l.table_name = $2 AND NOT p.special
  AND l.index_name = p.name AND l.columns = p.columns
CROSS JOIN unnest(p.columns) WITH ORDINALITY u (name, at)
ORDER BY p.name, u.at
)sql";

// $1: schema; $2: candidate names, best first; $3: names that will be free.
constexpr char kFreeNameSql[] =
    "SELECT w.name FROM unnest($2::text[]) WITH ORDINALITY AS w (name, place) WHERE NOT EXISTS"
    " (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = w.name AND c.relname <> ALL ($3::text[]))"
    " ORDER BY w.place LIMIT 1";

constexpr char kNoteSql[] = R"sql(
INSERT INTO $L.table_index (table_schema, table_name, index_name, columns)
VALUES ($1, $2, $3, $4)
ON CONFLICT (table_schema, index_name) DO UPDATE
  SET table_name = excluded.table_name, columns = excluded.columns
)sql";

constexpr char kHasIndexSql[] =
    "SELECT 1 FROM $L.table_index WHERE table_schema = $1 AND table_name = $2 LIMIT 1";

constexpr char kForgetIndexesSql[] =
    "DELETE FROM $L.table_index WHERE table_schema = $1 AND index_name = ANY ($2::text[])";

constexpr char kForgetSql[] = R"sql(
DELETE FROM $L.table_index
WHERE table_schema = $1 AND table_name = $2 AND index_name <> ALL ($3::text[])
)sql";

bool HasVariableLength(const TableSchema& schema, const std::string& name) {
  return std::any_of(schema.columns.begin(), schema.columns.end(), [&](const ColumnSchema& column) {
    return column.column_name == name &&
           (column.type == ColumnType::kVarchar || column.type == ColumnType::kNumeric ||
            column.type == ColumnType::kJsonb || column.type == ColumnType::kBytea);
  });
}

}  // namespace

absl::StatusOr<bool> IsKeyIndexable(Transaction& transaction, const TableName& table,
                                    const TableSchema& schema) {
  std::vector<std::string> variable;
  for (const std::string& column : schema.primary_key) {
    if (HasVariableLength(schema, column)) variable.push_back(column);
  }
  if (variable.empty()) return true;
  SYNCLINE_ASSIGN_OR_RETURN(const Result has_long,
                            transaction.Query(HasLongKeySql(table, variable)));
  return !has_long.Bool(0, 0);
}

absl::StatusOr<std::string> FreeKeyIndexName(Transaction& transaction, const TableName& table,
                                             const std::vector<std::string>& columns,
                                             const std::set<std::string>& leaving) {
  std::vector<std::string> names;
  for (int attempt = 1; attempt <= kMaxNameAttempts; ++attempt) {
    names.push_back(KeyIndexName(table, columns, attempt));
  }
  Params params;
  params.Text(table.schema).TextArray(names).TextArray({leaving.begin(), leaving.end()});
  SYNCLINE_ASSIGN_OR_RETURN(const Result free, transaction.Query(kFreeNameSql, params));
  if (!free.empty()) return free.Text(0, 0);
  return StatusFromSqlState("42P07", absl::StrCat("no name is free for the index on the primary "
                                                  "key of ",
                                                  table.ToString(), ": ", names.front(),
                                                  " and its alternatives are taken"));
}

KeyIndexes::KeyIndexes(absl::string_view ledger_schema)
    : quoted_schema_(QuoteIdentifier(ledger_schema)) {}

std::string KeyIndexes::Sql(absl::string_view sql) const {
  return WithLedgerSchema(sql, quoted_schema_);
}

absl::StatusOr<std::vector<PlainIndex>> KeyIndexes::Find(Transaction& transaction,
                                                         const TableName& table) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(Sql(kFindSql), Params().Text(table.schema).Text(table.name)));
  std::vector<PlainIndex> indexes;
  for (const RowView row : rows) {
    const std::string& name = row.Text("index_name");
    if (indexes.empty() || indexes.back().name != name) {
      indexes.push_back({.name = name, .columns = {}, .ours = row.Bool("ours")});
    }
    indexes.back().columns.push_back(row.Text("column_name"));
  }
  // The user's indexes come before ours: of two with the same columns the first is kept.
  std::stable_sort(indexes.begin(), indexes.end(),
                   [](const PlainIndex& a, const PlainIndex& b) { return !a.ours && b.ours; });
  return indexes;
}

absl::Status KeyIndexes::Ensure(Transaction& transaction, const TableName& table,
                                const TableSchema& schema) const {
  if (schema.primary_key.empty()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<PlainIndex> indexes, Find(transaction, table));
  SYNCLINE_RETURN_IF_ERROR(Correct(transaction, table, indexes));
  const bool present = std::any_of(indexes.begin(), indexes.end(), [&](const PlainIndex& index) {
    return index.columns == schema.primary_key;
  });
  return present ? absl::OkStatus() : Create(transaction, table, schema);
}

absl::StatusOr<bool> KeyIndexes::ListsAny(Transaction& transaction, const TableName& table) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result listed,
      transaction.Query(Sql(kHasIndexSql), Params().Text(table.schema).Text(table.name)));
  return !listed.empty();
}

absl::Status KeyIndexes::DropUnneeded(Transaction& transaction, const TableName& table,
                                      const std::optional<std::vector<std::string>>& key) const {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<PlainIndex> indexes, Find(transaction, table));
  std::set<std::vector<std::string>> present;
  std::vector<std::string> unneeded;
  for (const PlainIndex& index : indexes) {
    const bool duplicate = !present.insert(index.columns).second;
    const bool other = key.has_value() && index.columns != *key;
    if (index.ours && (duplicate || other)) unneeded.push_back(index.name);
  }
  if (unneeded.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(Sql(kForgetIndexesSql), Params().Text(table.schema).TextArray(unneeded))
          .status());
  // Readers wait from the first of these statements until COMMIT, so nothing else follows.
  for (const std::string& index : unneeded) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(DropIndexSql({table.schema, index})));
  }
  return absl::OkStatus();
}

absl::Status KeyIndexes::RecordReplacement(Transaction& transaction, const TableName& source,
                                           const TableName& table, absl::string_view index,
                                           const std::vector<std::string>& columns) const {
  for (const TableName& gone : {source, table}) {
    SYNCLINE_RETURN_IF_ERROR(Correct(transaction, gone, {}));
  }
  return index.empty() ? absl::OkStatus() : Note(transaction, table, index, columns);
}

absl::Status KeyIndexes::Create(Transaction& transaction, const TableName& table,
                                const TableSchema& schema) const {
  SYNCLINE_ASSIGN_OR_RETURN(const bool indexable, IsKeyIndexable(transaction, table, schema));
  if (!indexable) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::string name,
                            FreeKeyIndexName(transaction, table, schema.primary_key, {}));
  SYNCLINE_RETURN_IF_ERROR(
      RetryIfCreated(transaction.Execute(CreateIndexSql(name, table, schema.primary_key))));
  return Note(transaction, table, name, schema.primary_key);
}

absl::Status KeyIndexes::Note(Transaction& transaction, const TableName& table,
                              absl::string_view index,
                              const std::vector<std::string>& columns) const {
  Params params;
  params.Text(table.schema).Text(table.name).Text(index).TextArray(columns);
  return transaction.Query(Sql(kNoteSql), params).status();
}

absl::Status KeyIndexes::Correct(Transaction& transaction, const TableName& table,
                                 const std::vector<PlainIndex>& indexes) const {
  std::vector<std::string> ours;
  for (const PlainIndex& index : indexes) {
    if (index.ours) ours.push_back(index.name);
  }
  Params params;
  params.Text(table.schema).Text(table.name).TextArray(ours);
  return transaction.Query(Sql(kForgetSql), params).status();
}

}  // namespace syncline::postgres
