// Encoders of varchar, bytea and jsonb. Contract: row_encoder.h, FieldEncoder.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// The bytes as they are.
void EncodeVarchar(const Value& value, ByteBuffer* out);
// A version byte, then the JSON text, which PostgreSQL parses.
void EncodeJsonb(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
