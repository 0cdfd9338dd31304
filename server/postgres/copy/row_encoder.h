// Encodes rows of values as bytes for COPY. Uses no connection.
//
// The format is described in the PostgreSQL manual, COPY, "Binary Format": an 11-byte signature,
// flags and extension length; then per row an int16 field count, and per field an int32 length (-1
// for NULL) followed by the bytes; then int16 -1.
//
// For example, a row with a varchar "a" and a numeric NULL, of generation 7, with the meta {} and
// extracted at 2000-01-01 00:00 UTC, is
//   00 06                                the number of fields
//   00 00 00 24 (36 characters)          _airbyte_raw_id
//   00 00 00 08 00 00 00 00 00 00 00 00  _airbyte_extracted_at
//   00 00 00 03 01 7b 7d                 _airbyte_meta
//   00 00 00 08 00 00 00 00 00 00 00 07  _airbyte_generation_id
//   00 00 00 01 61                       "a"
//   ff ff ff ff                          NULL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/model/column_type.h"
#include "server/model/raw_id.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Appends one field, length first, to `out`. `value` must fit the column (model/value.h).
using FieldEncoder = void (*)(const Value& value, ByteBuffer* out);

// Returns the encoder of a column of type `type`. Chosen once per schema.
FieldEncoder FieldEncoderFor(ColumnType type);
// Returns the encoder of a column that may have a user's type, or null if there is no encoder for
// the binary form of that type.
FieldEncoder FieldEncoderFor(const ColumnSchema& column);

// The format in which the rows of a table are sent.
enum class CopyFormat {
  kBinary,  // rows are sent as they are encoded
  kText,    // fields are text; AppendTextLines (text_fields.h) converts the rows to lines
};
// Returns kText if a column has a type for which there is no binary encoder.
CopyFormat CopyFormatFor(const TableSchema& schema);

// In a row without `_airbyte_meta`, the position at which the column's field is missing: after the
// number of fields, the raw id and the time.
inline constexpr size_t kMetaFieldPosition = 2 + (4 + RawIdGenerator::kLength) + (4 + 8);
// Appends the field of `_airbyte_meta` in binary format.
void AppendMetaField(absl::string_view meta_json, ByteBuffer* out);

// Number of bytes before the first row.
inline constexpr size_t kCopyHeaderBytes = 11 + 4 + 4;
// Appends the bytes before the first row.
void AppendCopyHeader(ByteBuffer* out);
// Appends the bytes after the last row.
void AppendCopyTrailer(ByteBuffer* out);

// Encodes the rows of one lane: the table's meta columns, then the stream's columns. In binary
// format no memory is allocated per row, except for uuid columns and to grow the buffer. AppendRow
// changes only the buffer.
class RowEncoder {
 public:
  RowEncoder(const std::vector<ColumnType>& columns, RawIdGenerator raw_ids, int64_t generation_id);
  // Encodes rows in the format CopyFormatFor(schema).
  RowEncoder(const TableSchema& schema, RawIdGenerator raw_ids, int64_t generation_id);

  // `values` has one entry per column, in table order.
  void AppendRow(const RecordMeta& meta, absl::Span<const Value> values, ByteBuffer* out) const;
  // The same without the field of `_airbyte_meta`, for a COPY that leaves the column to its
  // default. In binary format, and for a table with all meta columns, only.
  void AppendRowWithoutMeta(const RecordMeta& meta, absl::Span<const Value> values,
                            ByteBuffer* out) const;

 private:
  // Appends the number of fields and the fields of the meta columns.
  void AppendBinaryMeta(const RecordMeta& meta, bool with_meta, ByteBuffer* out) const;
  void AppendTextMeta(const RecordMeta& meta, ByteBuffer* out) const;
  // The same for a table that has at most the column of the generation.
  void AppendGeneration(ByteBuffer* out) const;

  std::vector<FieldEncoder> encoders_;
  RawIdGenerator raw_ids_;
  int64_t generation_id_;
  TableMeta table_meta_ = TableMeta::kFull;
  CopyFormat format_ = CopyFormat::kBinary;
};

}  // namespace syncline::postgres
