#include "server/postgres/copy/row_encoder.h"

#include <cstring>

#include "server/postgres/copy/field_bytes.h"
#include "server/postgres/copy/numeric_encoder.h"
#include "server/postgres/copy/scalar_encoders.h"
#include "server/postgres/copy/temporal_encoders.h"
#include "server/postgres/copy/text_encoders.h"

namespace syncline::postgres {
namespace {

// Signature, no flags, no extension.
constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static_assert(sizeof(kHeader) - 1 == 11 + 4 + 4);
constexpr size_t kMetaColumns = 4;

// Field count, raw id, extracted at, length and version of meta, generation id; meta's text comes
// on top.
constexpr size_t kMetaBytes = 2 + (4 + RawIdGenerator::kLength) + (4 + 8) + (4 + 1) + (4 + 8);

}  // namespace

FieldEncoder FieldEncoderFor(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
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

void AppendCopyHeader(ByteBuffer* out) { out->Append({kHeader, sizeof(kHeader) - 1}); }

void AppendCopyTrailer(ByteBuffer* out) { out->AppendInt16(-1); }

RowEncoder::RowEncoder(const std::vector<ColumnType>& columns, RawIdGenerator raw_ids,
                       int64_t generation_id)
    : raw_ids_(raw_ids), generation_id_(generation_id) {
  encoders_.reserve(columns.size());
  for (const ColumnType type : columns) encoders_.push_back(FieldEncoderFor(type));
}

void RowEncoder::AppendRow(const RecordMeta& meta, absl::Span<const Value> values,
                           ByteBuffer* out) const {
  // The meta columns are never NULL: one reservation and stores at known places.
  const size_t meta_size = meta.meta_json.size();
  char* to = out->Reserve(kMetaBytes + meta_size);
  PutBigEndian16(to, static_cast<uint16_t>(kMetaColumns + encoders_.size()));
  PutBigEndian32(to + 2, RawIdGenerator::kLength);
  raw_ids_.Write(meta.offset, to + 6);
  to += 6 + RawIdGenerator::kLength;
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(meta.extracted_at_us));
  PutBigEndian32(to + 12, static_cast<uint32_t>(meta_size + 1));
  to[16] = 1;  // version of jsonb's binary form
  std::memcpy(to + 17, meta.meta_json.data(), meta_size);
  to += 17 + meta_size;
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(generation_id_));
  out->Advance(kMetaBytes + meta_size);

  for (size_t i = 0; i < encoders_.size(); ++i) encoders_[i](values[i], out);
}

}  // namespace syncline::postgres
