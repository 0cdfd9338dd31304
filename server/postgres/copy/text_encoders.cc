#include "server/postgres/copy/text_encoders.h"

#include <cstring>

#include "server/postgres/copy/field_bytes.h"

namespace syncline::postgres {
namespace {

// The only version that jsonb_recv accepts.
constexpr char kJsonbVersion = 1;

}  // namespace

void EncodeVarchar(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  const size_t size = static_cast<size_t>(value.text_size);
  char* const to = out->Reserve(4 + size);
  PutBigEndian32(to, static_cast<uint32_t>(size));
  // Empty text may have a null address, which memcpy does not allow.
  if (size > 0) std::memcpy(to + 4, value.text_data, size);
  out->Advance(4 + size);
}

void EncodeJsonb(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  const size_t size = static_cast<size_t>(value.text_size);
  char* const to = out->Reserve(5 + size);
  PutBigEndian32(to, static_cast<uint32_t>(size + 1));
  to[4] = kJsonbVersion;
  if (size > 0) std::memcpy(to + 5, value.text_data, size);
  out->Advance(5 + size);
}

}  // namespace syncline::postgres
