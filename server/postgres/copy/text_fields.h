// Encodes values as the text that PostgreSQL's input functions read, for tables with a column that
// has no binary encoder.
//
// Rows are kept in the framing of COPY BINARY with text in the fields (FieldEncoder in
// row_encoder.h), so that code that iterates over rows works for both formats. AppendTextLines
// converts them to COPY's text format when they are sent. Pure functions.
//
// For example, the boolean true becomes the field 00 00 00 01  74 ("t"). A row of that field and a
// NULL, 00 02  00 00 00 01 74  ff ff ff ff, becomes the line 74 09 5c 4e 0a: "t", a tab, "\N" and a
// newline.
#pragma once

#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Appends the value's text as one field, length first. The length is -1 for NULL.
using TextFieldEncoder = void (*)(const Value& value, ByteBuffer* out);
TextFieldEncoder TextFieldEncoderFor(ColumnType type);

// Appends the rows in `framed` as lines of COPY's text format. `framed` has no header and no
// trailer.
void AppendTextLines(absl::string_view framed, ByteBuffer* out);

}  // namespace syncline::postgres
