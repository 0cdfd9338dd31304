// Locates the rows of a block by walking the encoded bytes. Used only after PostgreSQL has refused
// a block.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"

namespace syncline::write {

// One row of COPY BINARY: its field count and fields.
struct RowSpan {
  size_t block = 0;
  size_t begin = 0;  // within the block
  size_t size = 0;
};

// Returns the rows of `blocks` in their order. The first block starts with COPY's header. A row
// lies within one block.
std::vector<RowSpan> FindRows(absl::Span<const ByteBuffer> blocks);

// Returns the bytes of `row`.
absl::string_view GetRowBytes(absl::Span<const ByteBuffer> blocks, const RowSpan& row);

// Returns whether a field of the row has a value in a form that its column's type refuses
// (user_type_encoders.h).
bool HasInvalidForm(absl::string_view row);

}  // namespace syncline::write
