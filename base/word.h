// Reads eight characters at a time. A word is eight characters, the first one in its lowest byte.
//
// Pure functions; any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace syncline {

// Returns the eight characters at `text`.
inline uint64_t LoadWord(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

// Returns the four characters at `text`.
inline uint32_t LoadHalfWord(const char* text) {
  uint32_t half;
  std::memcpy(&half, text, sizeof(half));
  return std::endian::native == std::endian::little ? half : __builtin_bswap32(half);
}

// Returns the `size` characters at `text`, 1 to 8, and zeros in the bytes behind them.
inline uint64_t LoadShortWord(const char* text, size_t size) {
  if (size == sizeof(uint64_t)) return LoadWord(text);
  // Reads of a constant size that overlap are faster than one of any size.
  if (size >= sizeof(uint32_t)) {
    const uint64_t first = LoadHalfWord(text);
    const uint64_t last = LoadHalfWord(text + size - sizeof(uint32_t));
    return first | last << (8 * (size - sizeof(uint32_t)));
  }
  const auto at = [text](size_t i) { return uint64_t{static_cast<uint8_t>(text[i])} << (8 * i); };
  return at(0) | at(size / 2) | at(size - 1);
}

// Returns a word whose bytes all are `byte`.
constexpr uint64_t RepeatByte(uint8_t byte) { return byte * uint64_t{0x0101010101010101}; }

// Returns 0x80 in every byte of `word` that exceeds the byte of `max`, which is at most 0x7f, and 0
// in the others.
constexpr uint64_t FindBytesAbove(uint64_t word, uint64_t max) {
  return (((word & RepeatByte(0x7f)) + (RepeatByte(0x7f) - max)) | word) & RepeatByte(0x80);
}

}  // namespace syncline
