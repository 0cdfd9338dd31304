// Helpers of all field encoders: big-endian stores into reserved room, and the NULL field.
//
// For example, PutBigEndian32(to, 258) stores 00 00 01 02, and AppendNullField appends ff ff ff ff.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/byte_buffer.h"

namespace syncline::postgres {

inline void PutBigEndian16(char* to, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, sizeof(value));
}

inline void PutBigEndian32(char* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
}

inline void PutBigEndian64(char* to, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof(value));
}

// Appends a NULL: a field of length -1.
inline void AppendNullField(ByteBuffer* out) { out->AppendInt32(-1); }

}  // namespace syncline::postgres
