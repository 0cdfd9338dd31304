// Encoders of types that a user's column may have but a stream's column does not. See FieldEncoder
// in row_encoder.h for the contract. `value` has the type that is named first.
//
// A value that does not fit the type is sent as 17 zero bytes, which PostgreSQL refuses with an
// error about this row alone (22P03, invalid binary representation). It is never sent as another
// value.
//
// For example, EncodeBigintAsSmallint appends 256 as 00 00 00 02  01 00, and 40000 as 00 00 00 11
// followed by 17 zero bytes.
#pragma once

#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Returns whether an encoded field, without its length, has that form. The bytes of a bytea may
// have it, too, and PostgreSQL accepts those.
bool IsInvalidForm(absl::string_view field);

void EncodeBigintAsSmallint(const Value& value, ByteBuffer* out);
void EncodeBigintAsInteger(const Value& value, ByteBuffer* out);
// The nearest number, as PostgreSQL reads text. A numeric that overflows the type, or that would
// become zero, does not fit.
void EncodeBigintAsReal(const Value& value, ByteBuffer* out);
void EncodeBigintAsDouble(const Value& value, ByteBuffer* out);
void EncodeNumericAsReal(const Value& value, ByteBuffer* out);
void EncodeNumericAsDouble(const Value& value, ByteBuffer* out);
// Text with hexadecimal digits, hyphens and braces as uuid_in accepts it.
void EncodeVarcharAsUuid(const Value& value, ByteBuffer* out);
// The JSON text.
void EncodeJsonbAsJson(const Value& value, ByteBuffer* out);

}  // namespace syncline::postgres
