// Encoders of date, time, timetz, timestamp and timestamptz. Contract: row_encoder.h, FieldEncoder.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// int4: days since 2000-01-01.
void EncodeDate(const Value& value, ByteBuffer* out);
// int8: microseconds since midnight.
void EncodeTime(const Value& value, ByteBuffer* out);
// int8: microseconds since midnight, local; int4: seconds west of UTC.
void EncodeTimetz(const Value& value, ByteBuffer* out);
// int8: microseconds since 2000-01-01 00:00, for timestamp (local) and timestamptz (UTC).
void EncodeTimestamp(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
