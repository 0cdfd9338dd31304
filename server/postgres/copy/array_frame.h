// Turns encoded rows into the parameters of a statement in binary format: the fields of a single
// row, or one array per column. Uses no connection.
//
// An array's elements are the fields of COPY BINARY as they are, length first, so only what is
// around them differs. PostgreSQL reads (arrayfuncs.c, array_recv): int32 number of dimensions,
// int32 whether an element may be NULL, the oid of the elements' type; then per dimension int32
// length and int32 first index; then the elements.
//
// For example, the bigints 7 and NULL are
//   00 00 00 01  00 00 00 01  00 00 00 14      one dimension, NULLs, int8
//   00 00 00 02  00 00 00 01                   two elements, counted from 1
//   00 00 00 08 00 00 00 00 00 00 00 07        7
//   ff ff ff ff                                NULL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

// The type of the elements of an array. The oids of built-in types never change (pg_type.dat).
struct ElementType {
  uint32_t oid = 0;
  const char* name = "";  // in pg_catalog
};

// Returns the types of the fields that RowEncoder writes for `schema`: those of its meta columns,
// then those of the stream's columns. CopyFormatFor(schema) must be kBinary.
std::vector<ElementType> GetElementTypes(const TableSchema& schema);

// Returns one parameter per column of the `rows` rows in `blocks`, which start with COPY's header:
// the field if `rows` is 1, where nullopt is NULL, and otherwise an array. A row lies within one
// block and has a field per element of `types`.
std::vector<std::optional<std::string>> FrameRows(absl::Span<const ByteBuffer> blocks, int64_t rows,
                                                  const std::vector<ElementType>& types);

}  // namespace syncline::postgres
