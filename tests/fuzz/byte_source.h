// Reads the bytes of one fuzzer input from the front. Returns zeros after the end of the input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::fuzz {

class ByteSource {
 public:
  ByteSource(const uint8_t* data, size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return bytes_.empty(); }

  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  // Reads two bytes in big-endian order.
  uint16_t Word() {
    const auto high = static_cast<uint16_t>(Byte() << 8);
    return static_cast<uint16_t>(high | Byte());
  }
  uint64_t Long() {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | Byte();
    return value;
  }
  // Returns a number from 0 to `bound` - 1.
  uint8_t Below(uint8_t bound) { return static_cast<uint8_t>(Byte() % bound); }
  bool Flag() { return (Byte() & 1) != 0; }
  // Returns the next bytes, at most `size`.
  absl::string_view Text(size_t size) {
    const absl::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(text.size());
    return text;
  }
  absl::string_view Rest() { return Text(bytes_.size()); }

 private:
  absl::string_view bytes_;
};

}  // namespace syncline::fuzz
