// The SQL text of the table operations. Pure functions with typed inputs, without a connection.
//
// Every name is quoted with QuoteIdentifier. Values are parameters ($1 …) of the statements and not
// part of their text. tests/golden/sql.txt has each statement for a sample table. The statements of
// the upsert are in upsert_sql.h, casts in cast_sql.h, catalog queries in catalog_sql.h.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

// Returns `name` as a quoted identifier. Never fails: bytes that are not UTF-8, and NUL, become
// U+FFFD, because PostgreSQL's own quoting assumes valid input (CVE-2025-1094). Names are validated
// earlier (model/names.h); an invalid one that gets here matches no object.
std::string QuoteIdentifier(absl::string_view name);
// Returns "schema"."name".
std::string QuoteTable(const TableName& table);
// Returns `value` as a string constant that is valid with any standard_conforming_strings. Invalid
// bytes are replaced as in QuoteIdentifier. For DDL that accepts no parameters, such as COMMENT.
std::string QuoteLiteral(absl::string_view value);
// Returns the quoted names, separated by ", ".
std::string QuoteColumns(const std::vector<std::string>& columns);

// Returns the names of all columns of a table in order: the meta columns that `schema` has, then
// its others.
std::vector<std::string> AllColumns(const TableSchema& schema);

std::string CreateSchemaSql(absl::string_view schema);
std::string DropSchemaSql(absl::string_view schema);
// `meta_default`: the text of the default of `_airbyte_meta`; empty if it has none.
std::string CreateTableSql(const TableName& table, const TableSchema& schema,
                           absl::string_view meta_default = {});
struct LikeOptions {
  bool constraints = true;           // CHECK constraints; NOT NULL is always included
  bool defaults = false;             // also generated and identity columns
  std::string storage_options = {};  // "fillfactor='70', …" or empty
  std::string tablespace = {};       // quoted; empty for the session's default
  std::string access_method = {};    // quoted; empty for the session's default
};
std::string CreateTableLikeSql(const TableName& table, const TableName& original,
                               const LikeOptions& options);
std::string DropTableSql(const TableName& table);
std::string RenameTableSql(const TableName& table, absl::string_view name);
std::string AnalyzeSql(const TableName& table);

std::string CountRowsSql(const TableName& table);
std::string HasRowsSql(const TableName& table);
std::string HasValuesSql(const TableName& table, absl::string_view column);
std::string GenerationIdSql(const TableName& table);
// Returns one row: the lowest and the highest generation id; 0 for a table without rows.
std::string GenerationBoundsSql(const TableName& table);
// Deletes the rows of generations below $1.
std::string DeleteOlderRowsSql(const TableName& table);
// Sets `column` to the current time in the rows of generations below $1 in which it is NULL. Its
// type is one for which TakesTimes (table_columns.h) is true.
std::string MarkOlderRowsSql(const TableName& table, const ColumnSchema& column);
// Returns one row per table, in any order: its place in `tables`, from 0; whether it has rows
// (boolean); and its size on disk in bytes with TOAST, without indexes.
std::string TableStatusesSql(const std::vector<TableName>& tables);

// INSERT INTO target SELECT FROM source over `columns`.
std::string CopyTableSql(const TableName& source, const TableName& target,
                         const std::vector<std::string>& columns);
// Deletes the rows whose raw ids are within the ranges of $1 (first ids) and $2 (last ids).
std::string DeleteRawIdRangesSql(const TableName& table);
// COPY … FROM STDIN in binary format over AllColumns, in their order.
std::string CopyBinarySql(const TableName& table, const TableSchema& schema);
// The same without `_airbyte_meta`, which gets its default. Only for a table with all meta columns.
std::string CopyWithoutMetaSql(const TableName& table, const TableSchema& schema);
// COPY … FROM STDIN in text format over AllColumns.
std::string CopyTextSql(const TableName& table, const TableSchema& schema);

// Takes a lock that waits for writers but not for readers, and that excludes other writers until
// the transaction ends.
std::string LockAgainstWritersSql(const TableName& table);
// The same, and also waits for sessions that hold locks on rows, so that a merge meets none of
// them.
std::string LockForMergeSql(const TableName& table);
// Takes a lock that excludes every other session until the transaction ends.
std::string LockAgainstAllSql(const TableName& table);

// Returns a VACUUM that waits for no lock and locks no reader out.
std::string VacuumSql(const TableName& table);

// Prefix of the names of key indexes that we create. The ledger records them (key_indexes.h).
inline constexpr char kKeyIndexPrefix[] = "syncline_key_";
// Returns the name of the index on `columns` of `table`: deterministic and at most 63 bytes. Each
// `attempt` gives a different name.
std::string KeyIndexName(const TableName& table, const std::vector<std::string>& columns,
                         int attempt = 1);
std::string CreateIndexSql(absl::string_view index, const TableName& table,
                           const std::vector<std::string>& columns);
std::string DropIndexSql(const TableName& index);
// Returns one boolean: whether a row has `columns` that are too long for a b-tree.
std::string HasLongKeySql(const TableName& table, const std::vector<std::string>& columns);

// Clauses of one ALTER TABLE.
std::string AddColumnClause(const ColumnSchema& column);
std::string DropColumnClause(absl::string_view column);
std::string DropDefaultClause(absl::string_view column);
// `expression` is SQL.
std::string SetDefaultClause(absl::string_view column, absl::string_view expression);
// Returns the SQL of a jsonb constant.
std::string JsonbLiteral(absl::string_view json);
// `expression` is SQL over the old column (cast_sql.h).
std::string AlterTypeClause(absl::string_view column, absl::string_view type,
                            absl::string_view expression);
std::string SetNotNullClause(absl::string_view column);
std::string DropNotNullClause(absl::string_view column);
std::string AlterTableSql(const TableName& table, const std::vector<std::string>& clauses);

// $1: the field's name. Adds an entry for a failed cast to the meta column of the rows for which
// `predicate` (SQL) is true.
std::string RecordCastFailuresSql(const TableName& table, absl::string_view predicate);

// Returns the raw id of one row for which `predicate` (SQL) is true, or its place (ctid) if the
// table has no raw ids; no row if there is none.
std::string ExampleRowSql(const TableName& table, absl::string_view predicate,
                          TableMeta meta = TableMeta::kFull);

}  // namespace syncline::postgres
