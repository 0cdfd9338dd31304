#include "base/byte_buffer.h"

#include <algorithm>

namespace syncline {

void ByteBuffer::Grow(size_t needed) {
  const size_t capacity = std::max<size_t>({needed, capacity_ + capacity_ / 2, 256});
  std::unique_ptr<char[]> grown(new char[capacity]);  // not make_unique, which would zero it
  if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
  data_ = std::move(grown);
  capacity_ = capacity;
}

}  // namespace syncline
