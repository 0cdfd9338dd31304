// The columns of a stream's table, and which meta columns precede them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/model/column_type.h"

namespace syncline {

// Names of the meta columns in their order. They precede the stream's columns.
inline constexpr char kRawIdColumn[] = "_airbyte_raw_id";
inline constexpr char kExtractedAtColumn[] = "_airbyte_extracted_at";
inline constexpr char kMetaColumn[] = "_airbyte_meta";
inline constexpr char kGenerationIdColumn[] = "_airbyte_generation_id";

// The column that marks a deleted record in a CDC stream.
inline constexpr char kCdcDeletedAtField[] = "_ab_cdc_deleted_at";

// PostgreSQL's limit for the number of a table's columns, including dropped columns.
inline constexpr int kMaxTableColumns = 1600;
inline constexpr int kMetaColumns = 4;
inline constexpr int kMaxUserColumns = kMaxTableColumns - kMetaColumns;

// The meta columns that a table has. A property of the table, fixed by its first sync.
enum class TableMeta {
  kFull,     // all four
  kCompact,  // _airbyte_generation_id
  kNone,     // none
};

// Returns the names of the meta columns of such a table, in their order.
inline std::vector<std::string> GetMetaColumns(TableMeta meta) {
  switch (meta) {
    case TableMeta::kFull:
      return {kRawIdColumn, kExtractedAtColumn, kMetaColumn, kGenerationIdColumn};
    case TableMeta::kCompact:
      return {kGenerationIdColumn};
    case TableMeta::kNone:
      break;
  }
  return {};
}

struct ColumnSchema {
  std::string input_name;   // the property's name in the JSON Schema
  std::string column_name;  // the column's name in the table
  ColumnType type = ColumnType::kJsonb;
  bool nullable = true;
  // For jsonb only. Ignored by comparisons, because the catalog does not have it.
  JsonShape json_shape = JsonShape::kAny;
  // The type of the table's column, as format_type() prints it, if the user chose a type other than
  // that of `type`, such as "numeric(10,2)"; empty otherwise. Values are coerced to `type` and
  // stored in a column of this type.
  std::string table_type = {};
  // The type with the binary form and the limits of `table_type`, if that is a domain (its base
  // type with the modifier) or a type whose binary form is its text, such as an enum ("text");
  // empty otherwise.
  std::string stored_type = {};
  // The type that the stream declares, if values are coerced to another one (`type`) because the
  // table's column has it.
  std::optional<ColumnType> declared_type = {};

  friend bool operator==(const ColumnSchema& a, const ColumnSchema& b) {
    return a.input_name == b.input_name && a.column_name == b.column_name && a.type == b.type &&
           a.nullable == b.nullable;
  }
};

struct TableSchema {
  std::vector<ColumnSchema> columns;     // in table order
  std::vector<std::string> primary_key;  // column names; only if the stream is deduplicated
  std::optional<std::string> cursor;     // column name
  TableMeta meta = TableMeta::kFull;
};

}  // namespace syncline
