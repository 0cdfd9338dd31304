#include "server/postgres/copy/scalar_encoders.h"

#include "server/postgres/copy/field_bytes.h"

namespace syncline::postgres {

void EncodeBoolean(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  char* const to = out->Reserve(5);
  PutBigEndian32(to, 1);
  to[4] = value.scalar != 0 ? 1 : 0;
  out->Advance(5);
}

void EncodeBigint(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  char* const to = out->Reserve(12);
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, static_cast<uint64_t>(value.scalar));
  out->Advance(12);
}

}  // namespace syncline::postgres
