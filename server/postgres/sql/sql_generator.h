// The statements of the table operations as text. Pure functions with typed inputs: nothing here
// talks to a database.
//
// Every name goes through QuoteIdentifier; values are parameters ($1 …) of the statements, never
// part of their text. tests/golden/sql.txt holds each statement for a sample table. The statements
// of the upsert are in upsert_sql.h, casts in cast_sql.h, catalog queries in catalog_sql.h.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

// `name` as a quoted identifier. Total: bytes that are no UTF-8 and NUL become U+FFFD, because
// PostgreSQL's own quoting trusts its input to be valid (CVE-2025-1094); names are checked long
// before (model/names.h), such a name then merely exists nowhere.
std::string QuoteIdentifier(absl::string_view name);
// "schema"."name".
std::string QuoteTable(const TableName& table);
// `value` as a string constant, whatever standard_conforming_strings says. Bytes are treated as
// QuoteIdentifier does. For DDL that takes no parameters, such as COMMENT.
std::string QuoteLiteral(absl::string_view value);
// Quoted names with ", " between them.
std::string QuoteColumns(const std::vector<std::string>& columns);

// Names of all columns of a table in order: the four meta columns, then those of `schema`.
std::vector<std::string> AllColumns(const TableSchema& schema);

std::string CreateSchemaSql(absl::string_view schema);
std::string DropSchemaSql(absl::string_view schema);
std::string CreateTableSql(const TableName& table, const TableSchema& schema);
struct LikeOptions {
  bool constraints = true;           // CHECK; NOT NULL always comes along
  bool defaults = false;             // also what is generated, and identities
  std::string storage_options = {};  // "fillfactor='70', …" or empty
};
std::string CreateTableLikeSql(const TableName& table, const TableName& original,
                               const LikeOptions& options);
std::string DropTableSql(const TableName& table);
std::string AnalyzeSql(const TableName& table);

std::string CountRowsSql(const TableName& table);
std::string HasRowsSql(const TableName& table);
std::string HasValuesSql(const TableName& table, absl::string_view column);
std::string GenerationIdSql(const TableName& table);
// One row: the lowest and the highest generation id; 0 for a table without rows.
std::string GenerationBoundsSql(const TableName& table);
// DELETE of the rows of generations below $1.
std::string DeleteOlderRowsSql(const TableName& table);
// One row: whether there are rows (boolean), the size on disk in bytes.
std::string TableStatusSql(const TableName& table);

// INSERT INTO target SELECT FROM source over `columns`.
std::string CopyTableSql(const TableName& source, const TableName& target,
                         const std::vector<std::string>& columns);
// DELETE of the rows whose raw ids are within the ranges of $1 (first ids) and $2 (last ids).
std::string DeleteRawIdRangesSql(const TableName& table);
// COPY … FROM STDIN in binary format over AllColumns, in their order.
std::string CopyBinarySql(const TableName& table, const TableSchema& schema);
// The same in text format.
std::string CopyTextSql(const TableName& table, const TableSchema& schema);
// BEGIN before it: one round trip opens a data transaction.
std::string BeginCopyBinarySql(const TableName& table, const TableSchema& schema);
std::string BeginCopyTextSql(const TableName& table, const TableSchema& schema);

// Waits for writers, not for readers, and keeps other writers out until the transaction ends.
std::string LockAgainstWritersSql(const TableName& table);

// What the names of our key indexes start with. They are known by the ledger (key_indexes.h).
inline constexpr char kKeyIndexPrefix[] = "syncline_key_";
// The index on `columns` of `table`: deterministic, at most 63 bytes, with `attempt` > 1 another
// one.
std::string KeyIndexName(const TableName& table, const std::vector<std::string>& columns,
                         int attempt = 1);
std::string CreateIndexSql(absl::string_view index, const TableName& table,
                           const std::vector<std::string>& columns);
std::string DropIndexSql(const TableName& index);
// One boolean: whether a row's `columns` are too long for a b-tree.
std::string HasLongKeySql(const TableName& table, const std::vector<std::string>& columns);

// Clauses of one ALTER TABLE.
std::string AddColumnClause(const ColumnSchema& column);
std::string DropColumnClause(absl::string_view column);
std::string DropDefaultClause(absl::string_view column);
// `expression` is SQL over the old column (cast_sql.h).
std::string AlterTypeClause(absl::string_view column, absl::string_view type,
                            absl::string_view expression);
std::string SetNotNullClause(absl::string_view column);
std::string DropNotNullClause(absl::string_view column);
std::string AlterTableSql(const TableName& table, const std::vector<std::string>& clauses);

// $1: the field's name. Adds an entry of a failed cast to the meta column of the rows for which
// `predicate` (SQL) holds.
std::string NoteCastFailuresSql(const TableName& table, absl::string_view predicate);

// The raw id of a row for which `predicate` (SQL) holds; no row when there is none.
std::string ExampleRowSql(const TableName& table, absl::string_view predicate);

}  // namespace syncline::postgres
