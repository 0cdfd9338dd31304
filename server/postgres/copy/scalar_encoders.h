// Encoders of boolean and bigint. See FieldEncoder in row_encoder.h for the contract.
//
// For example, the bigint 256 is appended as 00 00 00 08  00 00 00 00 00 00 01 00, and the boolean
// true as 00 00 00 01  01.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// One byte: 0 or 1.
void EncodeBoolean(const Value& value, ByteBuffer* out);
// int8.
void EncodeBigint(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
