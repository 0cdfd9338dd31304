#include "server/write/load/row_spans.h"

#include <cstdint>

#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/copy/user_type_encoders.h"

namespace syncline::write {
namespace {

constexpr size_t kCountBytes = 2;
constexpr size_t kLengthBytes = 4;

uint32_t BigEndian(absl::string_view bytes, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Returns the size of the row with which `bytes` starts.
size_t RowSize(absl::string_view bytes) {
  size_t size = kCountBytes;
  for (uint32_t fields = BigEndian(bytes, kCountBytes); fields > 0; --fields) {
    const auto length = static_cast<int32_t>(BigEndian(bytes.substr(size), kLengthBytes));
    size += kLengthBytes + (length > 0 ? static_cast<size_t>(length) : 0);  // -1: NULL
  }
  return size;
}

}  // namespace

std::vector<RowSpan> FindRows(absl::Span<const ByteBuffer> blocks) {
  std::vector<RowSpan> rows;
  for (size_t block = 0; block < blocks.size(); ++block) {
    const absl::string_view bytes = blocks[block].view();
    size_t at = block == 0 ? postgres::kCopyHeaderBytes : 0;
    while (at < bytes.size()) {
      const size_t size = RowSize(bytes.substr(at));
      rows.push_back({block, at, size});
      at += size;
    }
  }
  return rows;
}

absl::string_view GetRowBytes(absl::Span<const ByteBuffer> blocks, const RowSpan& row) {
  return blocks[row.block].view().substr(row.begin, row.size);
}

bool HasInvalidForm(absl::string_view row) {
  size_t at = kCountBytes;
  for (uint32_t fields = BigEndian(row, kCountBytes); fields > 0; --fields) {
    const auto length = static_cast<int32_t>(BigEndian(row.substr(at), kLengthBytes));
    at += kLengthBytes;
    if (length <= 0) continue;
    if (postgres::IsInvalidForm(row.substr(at, static_cast<size_t>(length)))) return true;
    at += static_cast<size_t>(length);
  }
  return false;
}

}  // namespace syncline::write
