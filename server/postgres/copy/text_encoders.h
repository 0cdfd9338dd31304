// Encoders of varchar, bytea and jsonb. See FieldEncoder in row_encoder.h for the contract.
//
// For example, the jsonb {} is appended as 00 00 00 03  01 7b 7d, and the varchar "a" as
// 00 00 00 01  61.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// The bytes unchanged. Used for varchar and bytea.
void EncodeVarchar(const Value& value, ByteBuffer* out);
// A version byte, then the JSON text, which PostgreSQL parses.
void EncodeJsonb(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
