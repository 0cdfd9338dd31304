// Encoders of the fixed-size types that are no time: boolean and bigint. Contract: row_encoder.h,
// FieldEncoder.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

void EncodeBoolean(const Value& value, ByteBuffer* out);
void EncodeBigint(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
