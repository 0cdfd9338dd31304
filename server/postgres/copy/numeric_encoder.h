// Encoder of numeric: decimal text -> base-10000 digits, digit for digit. Contract: row_encoder.h,
// FieldEncoder.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// int16 count of base-10000 digits, int16 weight (10000^weight is the first digit's), uint16 sign,
// uint16 display scale, then the digits: the same that numeric_in makes of the same text, without
// leading and trailing zero digits. The text must be within PostgreSQL's limits (131072 digits
// before and 16383 after the point): the display scale of "0e-99999" does not fit its field.
void EncodeNumeric(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
