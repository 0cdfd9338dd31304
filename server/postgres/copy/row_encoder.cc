#include "server/postgres/copy/row_encoder.h"

#include <cstring>
#include <string>

#include "server/model/evolution_plan.h"
#include "server/postgres/copy/field_bytes.h"
#include "server/postgres/copy/numeric_encoder.h"
#include "server/postgres/copy/scalar_encoders.h"
#include "server/postgres/copy/temporal_encoders.h"
#include "server/postgres/copy/text_encoders.h"
#include "server/postgres/copy/text_fields.h"
#include "server/postgres/copy/user_type_encoders.h"

namespace syncline::postgres {
namespace {

// The signature, no flags, and an extension of length 0.
constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static_assert(sizeof(kHeader) - 1 == kCopyHeaderBytes);
constexpr size_t kMetaColumns = 4;

// Length and version of `_airbyte_meta`; its text follows.
constexpr size_t kMetaHeadBytes = 4 + 1;
constexpr size_t kGenerationBytes = 4 + 8;
constexpr char kJsonbVersion = 1;

}  // namespace

FieldEncoder FieldEncoderFor(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
    case ColumnType::kBytea:
      return EncodeVarchar;
    case ColumnType::kNumeric:
      return EncodeNumeric;
    case ColumnType::kBigint:
      return EncodeBigint;
    case ColumnType::kBoolean:
      return EncodeBoolean;
    case ColumnType::kDate:
      return EncodeDate;
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
      return EncodeTimestamp;
    case ColumnType::kTimetz:
      return EncodeTimetz;
    case ColumnType::kTime:
      return EncodeTime;
    case ColumnType::kJsonb:
      return EncodeJsonb;
  }
  return EncodeJsonb;
}

FieldEncoder FieldEncoderFor(const ColumnSchema& column) {
  const std::string base =
      WithoutModifier(column.stored_type.empty() ? column.table_type : column.stored_type);
  if (base.empty() || base == PostgresTypeName(column.type)) return FieldEncoderFor(column.type);
  const bool integer = column.type == ColumnType::kBigint;
  if (integer && base == "smallint") return EncodeBigintAsSmallint;
  if (integer && base == "integer") return EncodeBigintAsInteger;
  if (integer && base == "real") return EncodeBigintAsReal;
  if (integer && base == "double precision") return EncodeBigintAsDouble;
  if (column.type == ColumnType::kNumeric && base == "real") return EncodeNumericAsReal;
  if (column.type == ColumnType::kNumeric && base == "double precision") {
    return EncodeNumericAsDouble;
  }
  if (column.type == ColumnType::kJsonb && base == "json") return EncodeJsonbAsJson;
  if (column.type != ColumnType::kVarchar) return nullptr;
  if (base == "text" || base == "character") return EncodeVarchar;
  return base == "uuid" ? EncodeVarcharAsUuid : nullptr;
}

CopyFormat CopyFormatFor(const TableSchema& schema) {
  for (const ColumnSchema& column : schema.columns) {
    if (FieldEncoderFor(column) == nullptr) return CopyFormat::kText;
  }
  return CopyFormat::kBinary;
}

void AppendMetaField(absl::string_view meta_json, ByteBuffer* out) {
  out->AppendInt32(static_cast<int32_t>(meta_json.size() + 1));
  out->AppendByte(kJsonbVersion);
  out->Append(meta_json);
}

void AppendCopyHeader(ByteBuffer* out) { out->Append({kHeader, sizeof(kHeader) - 1}); }

void AppendCopyTrailer(ByteBuffer* out) { out->AppendInt16(-1); }

RowEncoder::RowEncoder(const std::vector<ColumnType>& columns, RawIdGenerator raw_ids,
                       int64_t generation_id)
    : raw_ids_(raw_ids), generation_id_(generation_id) {
  encoders_.reserve(columns.size());
  for (const ColumnType type : columns) encoders_.push_back(FieldEncoderFor(type));
}

RowEncoder::RowEncoder(const TableSchema& schema, RawIdGenerator raw_ids, int64_t generation_id)
    : raw_ids_(raw_ids),
      generation_id_(generation_id),
      table_meta_(schema.meta),
      format_(CopyFormatFor(schema)) {
  encoders_.reserve(schema.columns.size());
  for (const ColumnSchema& column : schema.columns) {
    encoders_.push_back(format_ == CopyFormat::kBinary ? FieldEncoderFor(column)
                                                       : TextFieldEncoderFor(column.type));
  }
}

void RowEncoder::AppendRow(const RecordMeta& meta, absl::Span<const Value> values,
                           ByteBuffer* out) const {
  if (table_meta_ != TableMeta::kFull) {
    AppendGeneration(out);
  } else if (format_ == CopyFormat::kBinary) {
    AppendBinaryMeta(meta, /*with_meta=*/true, out);
  } else {
    AppendTextMeta(meta, out);
  }
  for (size_t i = 0; i < encoders_.size(); ++i) encoders_[i](values[i], out);
}

void RowEncoder::AppendRowWithoutMeta(const RecordMeta& meta, absl::Span<const Value> values,
                                      ByteBuffer* out) const {
  AppendBinaryMeta(meta, /*with_meta=*/false, out);
  for (size_t i = 0; i < encoders_.size(); ++i) encoders_[i](values[i], out);
}

void RowEncoder::AppendGeneration(ByteBuffer* out) const {
  const size_t columns = table_meta_ == TableMeta::kCompact ? 1 : 0;
  out->AppendInt16(static_cast<int16_t>(columns + encoders_.size()));
  if (columns == 0) return;
  const FieldEncoder encode = format_ == CopyFormat::kBinary
                                  ? FieldEncoderFor(ColumnType::kBigint)
                                  : TextFieldEncoderFor(ColumnType::kBigint);
  encode(Value::Scalar(generation_id_), out);
}

void RowEncoder::AppendTextMeta(const RecordMeta& meta, ByteBuffer* out) const {
  out->AppendInt16(static_cast<int16_t>(kMetaColumns + encoders_.size()));
  out->AppendInt32(RawIdGenerator::kLength);
  raw_ids_.Write(meta.offset, out->Reserve(RawIdGenerator::kLength));
  out->Advance(RawIdGenerator::kLength);
  TextFieldEncoderFor(ColumnType::kTimestamptz)(Value::Scalar(meta.extracted_at_us), out);
  TextFieldEncoderFor(ColumnType::kJsonb)(Value::Text(meta.meta_json), out);
  TextFieldEncoderFor(ColumnType::kBigint)(Value::Scalar(generation_id_), out);
}

void RowEncoder::AppendBinaryMeta(const RecordMeta& meta, bool with_meta, ByteBuffer* out) const {
  // The meta columns are never NULL, so one reservation and stores at fixed places suffice.
  const size_t json_size = meta.meta_json.size();
  const size_t meta_bytes = with_meta ? kMetaHeadBytes + json_size : 0;
  const size_t size = kMetaFieldPosition + meta_bytes + kGenerationBytes;
  const size_t columns = kMetaColumns - (with_meta ? 0 : 1) + encoders_.size();
  char* to = out->Reserve(size);
  PutBigEndian16(to, static_cast<uint16_t>(columns));
  PutBigEndian32(to + 2, RawIdGenerator::kLength);
  raw_ids_.Write(meta.offset, to + 6);
  to += 6 + RawIdGenerator::kLength;
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(meta.extracted_at_us));
  to += 12;
  if (with_meta) {
    PutBigEndian32(to, static_cast<uint32_t>(json_size + 1));
    to[4] = kJsonbVersion;
    std::memcpy(to + kMetaHeadBytes, meta.meta_json.data(), json_size);
    to += meta_bytes;
  }
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(generation_id_));
  out->Advance(size);
}

}  // namespace syncline::postgres
