// COPY: rows of values -> bytes. Knows bytes, not connections.
//
// Format: PostgreSQL manual, COPY, "Binary Format": an 11-byte signature, flags and extension
// length, then for each row an int16 field count and for each field an int32 length (-1 for NULL)
// with its bytes, then int16 -1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/model/column_type.h"
#include "server/model/raw_id.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Appends one field, length first, to `out`. `value` fits the column (model/value.h).
using FieldEncoder = void (*)(const Value& value, ByteBuffer* out);

// The encoder of a column of one of our types, chosen once per schema.
FieldEncoder FieldEncoderFor(ColumnType type);
// The encoder of a column that may have a type of the user's; null when the binary form of that
// type is not known here.
FieldEncoder FieldEncoderFor(const ColumnSchema& column);

// How the rows of a table are sent.
enum class CopyFormat {
  kBinary,  // as they are encoded
  kText,    // with texts as fields; AppendTextLines (text_fields.h) makes lines of them
};
// kText when a column has a type whose binary form is not known here.
CopyFormat CopyFormatFor(const TableSchema& schema);

// Bytes before the first row.
inline constexpr size_t kCopyHeaderBytes = 11 + 4 + 4;
// Appends what stands before the first row.
void AppendCopyHeader(ByteBuffer* out);
// Appends what stands after the last row.
void AppendCopyTrailer(ByteBuffer* out);

// Encodes the rows of one lane: the four meta columns, then the stream's. Not thread-safe, no
// allocation per row.
class RowEncoder {
 public:
  RowEncoder(const std::vector<ColumnType>& columns, RawIdGenerator raw_ids, int64_t generation_id);
  // For rows in the schema's CopyFormatFor.
  RowEncoder(const TableSchema& schema, RawIdGenerator raw_ids, int64_t generation_id);

  // `values` has one entry a column, in table order.
  void AppendRow(const RecordMeta& meta, absl::Span<const Value> values, ByteBuffer* out) const;

 private:
  void AppendBinaryMeta(const RecordMeta& meta, ByteBuffer* out) const;
  void AppendTextMeta(const RecordMeta& meta, ByteBuffer* out) const;

  std::vector<FieldEncoder> encoders_;
  RawIdGenerator raw_ids_;
  int64_t generation_id_;
  CopyFormat format_ = CopyFormat::kBinary;
};

}  // namespace syncline::postgres
