// Encoder of numeric: converts decimal text to base-10000 digits exactly. See FieldEncoder in
// row_encoder.h for the contract.
#pragma once

#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Appends int16 count of base-10000 digits, int16 weight (the first digit counts 10000^weight),
// uint16 sign, uint16 display scale, then the digits (int16 each) without leading and trailing zero
// digits. The result equals that of numeric_in for the same text. The text must be within
// PostgreSQL's limits (131072 digits before and 16383 after the point), because otherwise a header
// field overflows, such as the display scale of "0e-99999".
//
// For example, "-1.5" becomes a field of 12 bytes: 2 digits, weight 0, negative, scale 1, digits 1
// and 5000:
//   00 00 00 0c  00 02  00 00  40 00  00 01  00 01 13 88
void EncodeNumeric(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
