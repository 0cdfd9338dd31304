// Encoders of date, time, timetz, timestamp and timestamptz. See FieldEncoder in row_encoder.h for
// the contract.
//
// For example, the timetz 12:34:56.789012+02 is 45,296,789,012 microseconds and -7,200 seconds
// west:
//   00 00 00 0c  00 00 00 0a 8b e6 26 14  ff ff e3 e0
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// int4: days since 2000-01-01.
void EncodeDate(const Value& value, ByteBuffer* out);
// int8: microseconds since midnight.
void EncodeTime(const Value& value, ByteBuffer* out);
// int8: microseconds since local midnight; int4: seconds west of UTC.
void EncodeTimetz(const Value& value, ByteBuffer* out);
// int8: microseconds since 2000-01-01 00:00, for timestamp (local) and timestamptz (UTC).
void EncodeTimestamp(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
