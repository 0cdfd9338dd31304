// Values as the texts that PostgreSQL's input functions read, for tables with a column whose binary
// form is not known here.
//
// Rows are kept in the framing of COPY BINARY with texts as fields (FieldEncoder in row_encoder.h),
// so that whatever walks over rows works for both; AppendTextLines turns them into COPY's text
// format when they are sent. Pure functions.
#pragma once

#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/column_type.h"
#include "server/model/value.h"

namespace syncline::postgres {

// Appends the value's text as one field, length first; length -1 for NULL.
using TextFieldEncoder = void (*)(const Value& value, ByteBuffer* out);
TextFieldEncoder TextFieldEncoderFor(ColumnType type);

// Appends the rows in `framed`, without header and trailer, as lines of COPY's text format.
void AppendTextLines(absl::string_view framed, ByteBuffer* out);

}  // namespace syncline::postgres
