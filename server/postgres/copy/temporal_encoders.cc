#include "server/postgres/copy/temporal_encoders.h"

#include "server/postgres/copy/field_bytes.h"

namespace syncline::postgres {
namespace {

void AppendMicroseconds(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  char* const to = out->Reserve(12);
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(value.scalar));
  out->Advance(12);
}

}  // namespace

void EncodeDate(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  char* const to = out->Reserve(8);
  PutBigEndian32(to, 4);
  PutBigEndian32(to + 4, static_cast<uint32_t>(value.scalar));
  out->Advance(8);
}

void EncodeTime(const Value& value, ByteBuffer* out) { AppendMicroseconds(value, out); }

void EncodeTimetz(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  char* const to = out->Reserve(16);
  PutBigEndian32(to, 12);
  PutBigEndian64(to + 4, static_cast<uint64_t>(value.scalar));
  PutBigEndian32(to + 12, static_cast<uint32_t>(value.zone_west_seconds));
  out->Advance(16);
}

void EncodeTimestamp(const Value& value, ByteBuffer* out) { AppendMicroseconds(value, out); }

}  // namespace syncline::postgres
