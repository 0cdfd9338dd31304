// Encoders of types that no stream's column has, but a user's column may have. Contract:
// row_encoder.h, FieldEncoder; `value` is of the type that is named first.
//
// A value that the type does not take is sent in a form that PostgreSQL refuses for this row alone
// (22P03, invalid binary representation), never as another value.
#pragma once

#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Whether an encoded field, without its length, is in that form. Bytes of a bytea may be so, too,
// which PostgreSQL takes.
bool IsRefusedForm(absl::string_view field);

void EncodeBigintAsSmallint(const Value& value, ByteBuffer* out);
void EncodeBigintAsInteger(const Value& value, ByteBuffer* out);
// The nearest number, as PostgreSQL reads text.
void EncodeBigintAsReal(const Value& value, ByteBuffer* out);
void EncodeBigintAsDouble(const Value& value, ByteBuffer* out);
void EncodeNumericAsReal(const Value& value, ByteBuffer* out);
void EncodeNumericAsDouble(const Value& value, ByteBuffer* out);
// Text with hexadecimal digits, hyphens and braces as uuid_in takes it.
void EncodeVarcharAsUuid(const Value& value, ByteBuffer* out);
// The JSON text.
void EncodeJsonbAsJson(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
