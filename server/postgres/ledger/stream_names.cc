#include "server/postgres/ledger/stream_names.h"

#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/model/names.h"

namespace syncline::postgres {
namespace {

constexpr char kReadStreamTables[] = R"sql(
SELECT t.namespace, t.name, t.table_schema, coalesce(t.table_name, ''),
  CASE WHEN t.table_name IS NULL OR NOT EXISTS (
    SELECT FROM $L.generation g WHERE g.table_schema = t.table_schema AND g.table_name = t.table_name)
  THEN coalesce(t.split_from, '') ELSE '' END
FROM unnest($1::text[], $2::text[]) w (namespace, name)
JOIN $L.stream_table t ON t.namespace = w.namespace AND t.name = w.name
)sql";

// An array type does not count as taken, because PostgreSQL renames it if a new table needs its
// name.
constexpr char kReadTableFacts[] = R"sql(
SELECT w.table_schema, w.table_name, t.namespace, t.name,
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = w.table_schema AND c.relname = w.table_name)
  OR EXISTS (SELECT FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
             WHERE n.nspname = w.table_schema AND y.typname = w.table_name AND y.typisdefined
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e
                               WHERE e.oid = y.typelem AND e.typarray = y.oid))
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
LEFT JOIN $L.stream_table t ON t.table_schema = w.table_schema AND t.table_name = w.table_name
)sql";

constexpr char kWriteStreamTables[] = R"sql(
INSERT INTO $L.stream_table AS t (namespace, name, table_schema, table_name)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (namespace, name) DO UPDATE
  SET table_schema = excluded.table_schema, table_name = excluded.table_name
  WHERE t.table_name IS NULL
)sql";

constexpr char kReadKnownColumns[] = R"sql(
SELECT c.table_schema, c.table_name, c.input_name, c.column_name, c.owned
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
JOIN $L.table_column c ON c.table_schema = w.table_schema AND c.table_name = w.table_name
)sql";

constexpr char kReadExistingColumns[] = R"sql(
SELECT w.table_schema, w.table_name, a.attname
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.table_schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
)sql";

constexpr char kWriteColumns[] = R"sql(
INSERT INTO $L.table_column (table_schema, table_name, input_name, column_name, owned)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
ON CONFLICT (table_schema, table_name, input_name) DO UPDATE SET owned = excluded.owned
)sql";

std::string SqlOf(absl::string_view quoted_schema, absl::string_view sql) {
  return absl::StrReplaceAll(sql, {{"$L", quoted_schema}});
}

Params NamesOf(const std::vector<TableName>& tables) {
  std::vector<std::string> schemas;
  std::vector<std::string> names;
  for (const TableName& table : tables) {
    schemas.push_back(table.schema);
    names.push_back(table.name);
  }
  return Params().TextArray(schemas).TextArray(names);
}

Params NamesOf(const std::vector<StreamDescriptor>& streams) {
  std::vector<std::string> spaces;
  std::vector<std::string> names;
  for (const StreamDescriptor& stream : streams) {
    spaces.push_back(stream.name_space);
    names.push_back(stream.name);
  }
  return Params().TextArray(spaces).TextArray(names);
}

TableName TableOf(const Result& rows, size_t row) { return {rows.Text(row, 0), rows.Text(row, 1)}; }

}  // namespace

absl::StatusOr<std::map<StreamDescriptor, StreamTable>> ReadStreamTables(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<StreamDescriptor>& streams) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(SqlOf(quoted_schema, kReadStreamTables), NamesOf(streams)));
  std::map<StreamDescriptor, StreamTable> tables;
  for (size_t row = 0; row < rows.size(); ++row) {
    tables[{rows.Text(row, 0), rows.Text(row, 1)}] = {{rows.Text(row, 2), rows.Text(row, 3)},
                                                      rows.Text(row, 4)};
  }
  return tables;
}

absl::Status ReadTableFacts(Transaction& transaction, absl::string_view quoted_schema,
                            const std::vector<TableName>& tables, NameFacts* facts) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, transaction.Query(SqlOf(quoted_schema, kReadTableFacts), NamesOf(tables)));
  for (size_t row = 0; row < rows.size(); ++row) {
    const ScopedName name = MakeScopedName(TableOf(rows, row));
    if (!rows.IsNull(row, 3)) {
      facts->owners[name] = GetIdentity({rows.Text(row, 2), rows.Text(row, 3)});
    }
    if (rows.Bool(row, 4)) facts->taken.insert(name);
  }
  return absl::OkStatus();
}

absl::Status WriteStreamTables(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<StreamDescriptor, TableName>>& streams) {
  if (streams.empty()) return absl::OkStatus();
  std::vector<std::string> spaces, names, schemas, tables;
  for (const auto& [stream, table] : streams) {
    spaces.push_back(stream.name_space);
    names.push_back(stream.name);
    schemas.push_back(table.schema);
    tables.push_back(table.name);
  }
  return transaction
      .Query(SqlOf(quoted_schema, kWriteStreamTables),
             Params().TextArray(spaces).TextArray(names).TextArray(schemas).TextArray(tables))
      .status();
}

absl::StatusOr<std::map<TableName, TableColumnFacts>> ReadTableColumnFacts(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<TableName>& tables) {
  const Params names = NamesOf(tables);
  std::map<TableName, TableColumnFacts> facts;
  SYNCLINE_ASSIGN_OR_RETURN(const Result known,
                            transaction.Query(SqlOf(quoted_schema, kReadKnownColumns), names));
  for (size_t row = 0; row < known.size(); ++row) {
    facts[TableOf(known, row)].known.push_back(
        {known.Text(row, 2), known.Text(row, 3), known.Bool(row, 4)});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result existing, transaction.Query(kReadExistingColumns, names));
  for (size_t row = 0; row < existing.size(); ++row) {
    facts[TableOf(existing, row)].existing.insert(existing.Text(row, 2));
  }
  return facts;
}

absl::Status WriteTableColumns(Transaction& transaction, absl::string_view quoted_schema,
                               const std::vector<std::pair<TableName, KnownColumn>>& columns) {
  if (columns.empty()) return absl::OkStatus();
  std::vector<std::string> schemas, tables, inputs, names, owned;
  for (const auto& [table, column] : columns) {
    schemas.push_back(table.schema);
    tables.push_back(table.name);
    inputs.push_back(column.input_name);
    names.push_back(column.column_name);
    owned.emplace_back(column.owned ? "t" : "f");
  }
  return transaction
      .Query(SqlOf(quoted_schema, kWriteColumns), Params()
                                                      .TextArray(schemas)
                                                      .TextArray(tables)
                                                      .TextArray(inputs)
                                                      .TextArray(names)
                                                      .TextArray(owned))
      .status();
}

}  // namespace syncline::postgres
