// A growing byte buffer with big-endian writers, in which rows of COPY BINARY are built.
//
// Unlike std::string it does not zero the bytes that it grows by. Truncate removes a row that turns
// out to be bad. Not thread-safe. Moves are cheap; copies are not supported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/strings/string_view.h"

namespace syncline {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(size_t capacity) { Grow(capacity); }
  ByteBuffer(ByteBuffer&& other) noexcept { *this = static_cast<ByteBuffer&&>(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    if (this != &other) {
      data_ = std::move(other.data_);
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.size_ = 0;
      other.capacity_ = 0;
    }
    return *this;
  }

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  const char* data() const { return data_.get(); }
  absl::string_view view() const { return {data_.get(), size_}; }

  // Removes the bytes and keeps the memory.
  void Clear() { size_ = 0; }
  // Frees the memory.
  void Reset() {
    data_.reset();
    size_ = 0;
    capacity_ = 0;
  }
  // Shortens to `size`, which must not be greater than size().
  void Truncate(size_t size) { size_ = size; }

  // Removes `count` bytes at `position`; the bytes that follow move up.
  void Erase(size_t position, size_t count) {
    std::memmove(data_.get() + position, data_.get() + position + count, size_ - position - count);
    size_ -= count;
  }

  // Returns room for `count` bytes at the end, uninitialized; call Advance after writing them.
  char* Reserve(size_t count) {
    if (capacity_ - size_ < count) Grow(size_ + count);
    return data_.get() + size_;
  }
  void Advance(size_t count) { size_ += count; }

  void Append(absl::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(Reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void AppendByte(char byte) {
    *Reserve(1) = byte;
    ++size_;
  }
  void AppendInt16(int16_t value) {
    AppendBigEndian(__builtin_bswap16(static_cast<uint16_t>(value)));
  }
  void AppendInt32(int32_t value) {
    AppendBigEndian(__builtin_bswap32(static_cast<uint32_t>(value)));
  }
  void AppendInt64(int64_t value) {
    AppendBigEndian(__builtin_bswap64(static_cast<uint64_t>(value)));
  }

  // Overwrites four bytes at `position`, for a length that is known only after its contents.
  void PatchInt32(size_t position, int32_t value) {
    const uint32_t swapped = __builtin_bswap32(static_cast<uint32_t>(value));
    std::memcpy(data_.get() + position, &swapped, sizeof(swapped));
  }

 private:
  template <typename T>
  void AppendBigEndian(T swapped) {
    std::memcpy(Reserve(sizeof(T)), &swapped, sizeof(T));
    size_ += sizeof(T);
  }
  void Grow(size_t needed);

  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace syncline
