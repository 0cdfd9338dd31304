#include "server/postgres/sql/sql_generator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "server/model/column_type.h"
#include "server/model/evolution_plan.h"
#include "server/model/names.h"

namespace syncline::postgres {
namespace {

// A b-tree refuses entries over 2704 bytes (a third of a page). The difference leaves room for
// headers and alignment.
constexpr int kMaxIndexKeyBytes = 2600;

// Returns `text` between `quote` characters, with each `quote` in it doubled.
std::string Quote(absl::string_view text, char quote) {
  std::string out(1, quote);
  while (!text.empty()) {
    const size_t length = text.front() == '\0' ? 0 : GetCharacterLength(text);
    if (length == 0) {
      out.append(kReplacementUtf8);
    } else {
      if (text.front() == quote) out.push_back(quote);
      out.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back(quote);
  return out;
}

std::string ColumnDefinition(const ColumnSchema& column) {
  return absl::StrCat(QuoteIdentifier(column.column_name), " ", GetTableType(column));
}

absl::string_view MetaColumnType(absl::string_view column) {
  if (column == kRawIdColumn) return "character varying";
  if (column == kExtractedAtColumn) return "timestamp with time zone";
  return column == kMetaColumn ? "jsonb" : "bigint";
}

std::string AlterColumn(absl::string_view column, absl::string_view what) {
  return absl::StrCat("ALTER COLUMN ", QuoteIdentifier(column), " ", what);
}

}  // namespace

std::string QuoteIdentifier(absl::string_view name) { return Quote(name, '"'); }

std::string QuoteTable(const TableName& table) {
  return absl::StrCat(QuoteIdentifier(table.schema), ".", QuoteIdentifier(table.name));
}

std::string QuoteLiteral(absl::string_view value) {
  const std::string quoted = Quote(value, '\'');
  if (quoted.find('\\') == std::string::npos) return quoted;
  std::string out = "E";
  for (const char c : quoted) {
    if (c == '\\') out.push_back(c);
    out.push_back(c);
  }
  return out;
}

std::string QuoteColumns(const std::vector<std::string>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const std::string& column) {
    out->append(QuoteIdentifier(column));
  });
}

std::vector<std::string> AllColumns(const TableSchema& schema) {
  std::vector<std::string> columns = GetMetaColumns(schema.meta);
  for (const ColumnSchema& column : schema.columns) columns.push_back(column.column_name);
  return columns;
}

std::string CreateSchemaSql(absl::string_view schema) {
  return absl::StrCat("CREATE SCHEMA IF NOT EXISTS ", QuoteIdentifier(schema));
}

std::string DropSchemaSql(absl::string_view schema) {
  return absl::StrCat("DROP SCHEMA IF EXISTS ", QuoteIdentifier(schema), " CASCADE");
}

std::string CreateTableSql(const TableName& table, const TableSchema& schema,
                           absl::string_view meta_default) {
  std::vector<std::string> definitions;
  for (const std::string& column : GetMetaColumns(schema.meta)) {
    definitions.push_back(
        absl::StrCat(QuoteIdentifier(column), " ", MetaColumnType(column), " NOT NULL"));
    if (column == kMetaColumn && !meta_default.empty()) {
      absl::StrAppend(&definitions.back(), " DEFAULT ", JsonbLiteral(meta_default));
    }
  }
  for (const ColumnSchema& column : schema.columns) {
    definitions.push_back(
        absl::StrCat(ColumnDefinition(column), column.nullable ? "" : " NOT NULL"));
  }
  return absl::StrCat("CREATE TABLE IF NOT EXISTS ", QuoteTable(table), " (",
                      absl::StrJoin(definitions, ", "), ")");
}

std::string CreateTableLikeSql(const TableName& table, const TableName& original,
                               const LikeOptions& options) {
  return absl::StrCat(
      "CREATE TABLE IF NOT EXISTS ", QuoteTable(table), " (LIKE ", QuoteTable(original),
      " INCLUDING STORAGE INCLUDING COMPRESSION",
      options.constraints ? " INCLUDING CONSTRAINTS" : "",
      options.defaults ? " INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY" : "", ")",
      options.access_method.empty() ? "" : absl::StrCat(" USING ", options.access_method),
      options.storage_options.empty() ? "" : absl::StrCat(" WITH (", options.storage_options, ")"),
      options.tablespace.empty() ? "" : absl::StrCat(" TABLESPACE ", options.tablespace));
}

std::string DropTableSql(const TableName& table) {
  return absl::StrCat("DROP TABLE IF EXISTS ", QuoteTable(table));
}

std::string RenameTableSql(const TableName& table, absl::string_view name) {
  return absl::StrCat("ALTER TABLE ", QuoteTable(table), " RENAME TO ", QuoteIdentifier(name));
}

std::string AnalyzeSql(const TableName& table) {
  return absl::StrCat("ANALYZE ", QuoteTable(table));
}

std::string CountRowsSql(const TableName& table) {
  return absl::StrCat("SELECT count(*) FROM ", QuoteTable(table));
}

std::string HasRowsSql(const TableName& table) {
  return absl::StrCat("SELECT EXISTS (SELECT 1 FROM ", QuoteTable(table), " LIMIT 1)");
}

std::string HasValuesSql(const TableName& table, absl::string_view column) {
  return absl::StrCat("SELECT EXISTS (SELECT 1 FROM ", QuoteTable(table), " WHERE ",
                      QuoteIdentifier(column), " IS NOT NULL)");
}

std::string GenerationIdSql(const TableName& table) {
  return absl::StrCat("SELECT coalesce(max(", QuoteIdentifier(kGenerationIdColumn), "), 0) FROM ",
                      QuoteTable(table));
}

std::string GenerationBoundsSql(const TableName& table) {
  const std::string id = QuoteIdentifier(kGenerationIdColumn);
  return absl::StrCat("SELECT coalesce(min(", id, "), 0) AS lowest, coalesce(max(", id,
                      "), 0) AS highest FROM ", QuoteTable(table));
}

std::string DeleteOlderRowsSql(const TableName& table) {
  return absl::StrCat("DELETE FROM ", QuoteTable(table), " WHERE ",
                      QuoteIdentifier(kGenerationIdColumn), " < $1");
}

std::string MarkOlderRowsSql(const TableName& table, const ColumnSchema& column) {
  const std::string quoted = QuoteIdentifier(column.column_name);
  std::string time = column.type == ColumnType::kJsonb ? "to_jsonb(now())" : "now()";
  // Unlike an assignment, a cast shortens the text to the length of the column.
  if (!column.table_type.empty()) time = absl::StrCat("(", time, ")::", column.table_type);
  return absl::StrCat("UPDATE ", QuoteTable(table), " SET ", quoted, " = ", time, " WHERE ",
                      QuoteIdentifier(kGenerationIdColumn), " < $1 AND ", quoted, " IS NULL");
}

std::string TableStatusesSql(const std::vector<TableName>& tables) {
  std::vector<std::string> selects;
  selects.reserve(tables.size());
  for (const TableName& table : tables) {
    selects.push_back(absl::StrCat(
        "SELECT ", selects.size(), " AS place, EXISTS (SELECT 1 FROM ", QuoteTable(table),
        " LIMIT 1) AS has_rows, pg_relation_size(oid) + "
        "coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) AS size_bytes "
        "FROM pg_class WHERE oid = ",
        QuoteLiteral(QuoteTable(table)), "::regclass"));
  }
  return absl::StrJoin(selects, " UNION ALL ");
}

std::string CopyTableSql(const TableName& source, const TableName& target,
                         const std::vector<std::string>& columns) {
  // Identity columns of the stream get the stream's values.
  const std::string list = QuoteColumns(columns);
  return absl::StrCat("INSERT INTO ", QuoteTable(target), " (", list,
                      ") OVERRIDING SYSTEM VALUE SELECT ", list, " FROM ", QuoteTable(source));
}

std::string DeleteRawIdRangesSql(const TableName& table) {
  return absl::StrCat("DELETE FROM ", QuoteTable(table),
                      " t USING unnest($1::text[], $2::text[]) AS r (first, last) WHERE t.",
                      QuoteIdentifier(kRawIdColumn), " COLLATE \"C\" BETWEEN r.first AND r.last");
}

std::string CopyBinarySql(const TableName& table, const TableSchema& schema) {
  return absl::StrCat("COPY ", QuoteTable(table), " (", QuoteColumns(AllColumns(schema)),
                      ") FROM STDIN (FORMAT binary)");
}

std::string CopyWithoutMetaSql(const TableName& table, const TableSchema& schema) {
  std::vector<std::string> columns = AllColumns(schema);
  columns.erase(std::remove(columns.begin(), columns.end(), kMetaColumn), columns.end());
  return absl::StrCat("COPY ", QuoteTable(table), " (", QuoteColumns(columns),
                      ") FROM STDIN (FORMAT binary)");
}

std::string CopyTextSql(const TableName& table, const TableSchema& schema) {
  return absl::StrCat("COPY ", QuoteTable(table), " (", QuoteColumns(AllColumns(schema)),
                      ") FROM STDIN");
}

std::string LockAgainstWritersSql(const TableName& table) {
  return absl::StrCat("LOCK TABLE ", QuoteTable(table), " IN SHARE ROW EXCLUSIVE MODE");
}

std::string LockForMergeSql(const TableName& table) {
  return absl::StrCat("LOCK TABLE ", QuoteTable(table), " IN EXCLUSIVE MODE");
}

std::string LockAgainstAllSql(const TableName& table) {
  return absl::StrCat("LOCK TABLE ", QuoteTable(table), " IN ACCESS EXCLUSIVE MODE");
}

std::string VacuumSql(const TableName& table) {
  return absl::StrCat("VACUUM (SKIP_LOCKED, TRUNCATE false) ", QuoteTable(table));
}

std::string KeyIndexName(const TableName& table, const std::vector<std::string>& columns,
                         int attempt) {
  // The digest comes first, because ShortenName truncates at the end and the prefix must stay
  // whole.
  const std::string digest = Sha256Hex(absl::StrJoin(columns, "\n"), 8);
  const std::string number = attempt > 1 ? absl::StrCat(attempt, "_") : "";
  return ShortenName(absl::StrCat(kKeyIndexPrefix, digest, "_", number, table.name));
}

std::string CreateIndexSql(absl::string_view index, const TableName& table,
                           const std::vector<std::string>& columns) {
  return absl::StrCat("CREATE INDEX ", QuoteIdentifier(index), " ON ", QuoteTable(table), " (",
                      QuoteColumns(columns), ")");
}

std::string DropIndexSql(const TableName& index) {
  return absl::StrCat("DROP INDEX IF EXISTS ", QuoteTable(index));
}

std::string HasLongKeySql(const TableName& table, const std::vector<std::string>& columns) {
  const auto size = [](std::string* out, const std::string& column) {
    absl::StrAppend(out, "coalesce(octet_length(", QuoteIdentifier(column), "::text), 0)");
  };
  return absl::StrCat("SELECT EXISTS (SELECT 1 FROM ", QuoteTable(table), " WHERE ",
                      absl::StrJoin(columns, " + ", size), " > ", kMaxIndexKeyBytes, ")");
}

std::string AddColumnClause(const ColumnSchema& column) {
  return absl::StrCat("ADD COLUMN IF NOT EXISTS ", ColumnDefinition(column));
}

std::string DropColumnClause(absl::string_view column) {
  return absl::StrCat("DROP COLUMN IF EXISTS ", QuoteIdentifier(column));
}

std::string DropDefaultClause(absl::string_view column) {
  return AlterColumn(column, "DROP DEFAULT");
}

std::string SetDefaultClause(absl::string_view column, absl::string_view expression) {
  return AlterColumn(column, absl::StrCat("SET DEFAULT ", expression));
}

std::string JsonbLiteral(absl::string_view json) {
  return absl::StrCat(QuoteLiteral(json), "::pg_catalog.jsonb");
}

std::string AlterTypeClause(absl::string_view column, absl::string_view type,
                            absl::string_view expression) {
  return AlterColumn(column, absl::StrCat("TYPE ", type, " USING ", expression));
}

std::string SetNotNullClause(absl::string_view column) {
  return AlterColumn(column, "SET NOT NULL");
}

std::string DropNotNullClause(absl::string_view column) {
  return AlterColumn(column, "DROP NOT NULL");
}

std::string AlterTableSql(const TableName& table, const std::vector<std::string>& clauses) {
  return absl::StrCat("ALTER TABLE ", QuoteTable(table), " ", absl::StrJoin(clauses, ", "));
}

std::string RecordCastFailuresSql(const TableName& table, absl::string_view predicate) {
  const std::string meta = QuoteIdentifier(kMetaColumn);
  return absl::StrCat(
      "UPDATE ", QuoteTable(table), " SET ", meta, " = pg_catalog.jsonb_set(", meta,
      ", '{changes}', coalesce(", meta,
      " -> 'changes', '[]') || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('field',"
      " $1::text, 'change', 'NULLED', 'reason', 'DESTINATION_TYPECAST_ERROR'))) WHERE ",
      predicate);
}

std::string ExampleRowSql(const TableName& table, absl::string_view predicate, TableMeta meta) {
  const std::string row =
      meta == TableMeta::kFull ? QuoteIdentifier(kRawIdColumn) : "ctid::pg_catalog.text";
  return absl::StrCat("SELECT ", row, " FROM ", QuoteTable(table), " WHERE ", predicate,
                      " LIMIT 1");
}

}  // namespace syncline::postgres
