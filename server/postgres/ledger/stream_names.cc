#include "server/postgres/ledger/stream_names.h"

#include "base/status_macros.h"
#include "server/model/names.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kReadStreamTablesSql[] = R"sql(
SELECT t.namespace, t.name, t.table_schema, coalesce(t.table_name, '') AS table_name,
  CASE WHEN t.table_name IS NULL OR NOT EXISTS (
    SELECT FROM $L.generation g WHERE g.table_schema = t.table_schema AND g.table_name = t.table_name)
  THEN coalesce(t.split_from, '') ELSE '' END AS split_from
FROM unnest($1::text[], $2::text[]) w (namespace, name)
JOIN $L.stream_table t ON t.namespace = w.namespace AND t.name = w.name
)sql";

// An array type does not count as taken, because PostgreSQL renames it if a new table needs its
// name. Scalar subqueries take less time to plan than joins.
constexpr char kReadTableFactsSql[] = R"sql(
SELECT w.table_schema, w.table_name, t.namespace, t.name,
  (SELECT c.oid FROM pg_catalog.pg_class c
   WHERE c.relnamespace = n.oid AND c.relname = w.table_name) IS NOT NULL
  OR (SELECT y.oid FROM pg_catalog.pg_type y
      WHERE y.typnamespace = n.oid AND y.typname = w.table_name AND y.typisdefined
        AND y.oid <> coalesce((SELECT e.typarray FROM pg_catalog.pg_type e
                               WHERE e.oid = y.typelem), 0)) IS NOT NULL AS taken
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.table_schema
LEFT JOIN $L.stream_table t ON t.table_schema = w.table_schema AND t.table_name = w.table_name
)sql";

constexpr char kWriteStreamTablesSql[] = R"sql(
INSERT INTO $L.stream_table AS t (namespace, name, table_schema, table_name)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (namespace, name) DO UPDATE
  SET table_schema = excluded.table_schema, table_name = excluded.table_name
  WHERE t.table_name IS NULL
)sql";

constexpr char kReadKnownColumnsSql[] = R"sql(
SELECT c.table_schema, c.table_name, c.input_name, c.column_name, c.owned
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
JOIN $L.table_column c ON c.table_schema = w.table_schema AND c.table_name = w.table_name
)sql";

constexpr char kReadExistingColumnsSql[] = R"sql(
SELECT w.table_schema, w.table_name, a.attname AS column_name
FROM unnest($1::text[], $2::text[]) w (table_schema, table_name)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.table_schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
)sql";

constexpr char kWriteColumnsSql[] = R"sql(
INSERT INTO $L.table_column (table_schema, table_name, input_name, column_name, owned)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
ON CONFLICT (table_schema, table_name, input_name) DO UPDATE SET owned = excluded.owned
)sql";

Params NamesOf(const std::vector<StreamDescriptor>& streams) {
  std::vector<std::string> spaces;
  std::vector<std::string> names;
  for (const StreamDescriptor& stream : streams) {
    spaces.push_back(stream.name_space);
    names.push_back(stream.name);
  }
  return Params().TextArray(spaces).TextArray(names);
}

TableName ReadTableName(const RowView& row) {
  return {row.Text("table_schema"), row.Text("table_name")};
}

}  // namespace

absl::StatusOr<std::map<StreamDescriptor, StreamTable>> ReadStreamTables(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<StreamDescriptor>& streams) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kReadStreamTablesSql, quoted_schema), NamesOf(streams)));
  std::map<StreamDescriptor, StreamTable> tables;
  for (const RowView row : rows) {
    tables[{row.Text("namespace"), row.Text("name")}] = {ReadTableName(row),
                                                         row.Text("split_from")};
  }
  return tables;
}

absl::Status ReadTableFacts(Transaction& transaction, absl::string_view quoted_schema,
                            const std::vector<TableName>& tables, NameFacts* facts) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kReadTableFactsSql, quoted_schema),
                                              Params().TableNames(tables)));
  for (const RowView row : rows) {
    const ScopedName name = MakeScopedName(ReadTableName(row));
    if (!row.IsNull("name")) {
      facts->owners[name] = GetIdentity({row.Text("namespace"), row.Text("name")});
    }
    if (row.Bool("taken")) facts->taken.insert(name);
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
      .Query(WithLedgerSchema(kWriteStreamTablesSql, quoted_schema),
             Params().TextArray(spaces).TextArray(names).TextArray(schemas).TextArray(tables))
      .status();
}

absl::StatusOr<std::map<TableName, TableColumnFacts>> ReadTableColumnFacts(
    Transaction& transaction, absl::string_view quoted_schema,
    const std::vector<TableName>& tables) {
  const Params names = Params().TableNames(tables);
  std::map<TableName, TableColumnFacts> facts;
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result known,
      transaction.Query(WithLedgerSchema(kReadKnownColumnsSql, quoted_schema), names));
  for (const RowView row : known) {
    facts[ReadTableName(row)].known.push_back(
        {row.Text("input_name"), row.Text("column_name"), row.Bool("owned")});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result existing,
                            transaction.Query(kReadExistingColumnsSql, names));
  for (const RowView row : existing) {
    facts[ReadTableName(row)].existing.insert(row.Text("column_name"));
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
      .Query(WithLedgerSchema(kWriteColumnsSql, quoted_schema), Params()
                                                                    .TextArray(schemas)
                                                                    .TextArray(tables)
                                                                    .TextArray(inputs)
                                                                    .TextArray(names)
                                                                    .TextArray(owned))
      .status();
}

}  // namespace syncline::postgres
