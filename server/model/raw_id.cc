#include "server/model/raw_id.h"

#include <array>
#include <cstring>
#include <string>

#include "base/sha256.h"

namespace syncline {
namespace {

constexpr uint64_t kVersionMask = 0xf000;
constexpr uint64_t kVersion8 = 0x8000;
constexpr uint64_t kVariant = uint64_t{1} << 63;  // sets the two highest bits to 10
constexpr uint64_t kCounterMask = (uint64_t{1} << 62) - 1;
constexpr uint64_t kStartMask = (uint64_t{1} << 61) - 1;
constexpr int64_t kLastOffset = (int64_t{1} << 61) - 1;

struct HexPairs {
  std::array<char, 512> text{};
  constexpr HexPairs() {
    constexpr char kDigits[] = "0123456789abcdef";
    for (size_t i = 0; i < 256; ++i) {
      text[2 * i] = kDigits[i >> 4];
      text[2 * i + 1] = kDigits[i & 15];
    }
  }
};
constexpr HexPairs kHexPairs;

// Writes the `bytes` bytes of `value` that start `shift` bits from the right.
void PutHex(uint64_t value, int shift, int bytes, char* out) {
  for (int i = 0; i < bytes; ++i, shift -= 8, out += 2) {
    std::memcpy(out, &kHexPairs.text[2 * ((value >> shift) & 0xff)], 2);
  }
}

uint64_t BigEndian64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

// Appends the length and the part. The length keeps ("ab", "c") and ("a", "bc") distinct.
void AppendPart(absl::string_view part, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(part.size()) >> shift));
  }
  out->append(part.data(), part.size());
}

}  // namespace

RawIdGenerator::RawIdGenerator(absl::string_view sync_id, const StreamDescriptor& stream,
                               absl::string_view writer_id) {
  std::string origin;
  AppendPart(sync_id, &origin);
  AppendPart(stream.name_space, &origin);
  AppendPart(stream.name, &origin);
  AppendPart(writer_id, &origin);
  const Sha256Digest digest = Sha256(origin);
  const uint64_t high = (BigEndian64(digest.data()) & ~kVersionMask) | kVersion8;
  start_ = BigEndian64(digest.data() + 8) & kStartMask;
  PutHex(high, 56, 4, prefix_);
  prefix_[8] = '-';
  PutHex(high, 24, 2, prefix_ + 9);
  prefix_[13] = '-';
  PutHex(high, 8, 2, prefix_ + 14);
  prefix_[18] = '-';
}

void RawIdGenerator::Write(int64_t offset, char* out) const {
  const uint64_t low = ((start_ + static_cast<uint64_t>(offset)) & kCounterMask) | kVariant;
  std::memcpy(out, prefix_, kPrefixLength);
  PutHex(low, 56, 2, out + 19);
  out[23] = '-';
  PutHex(low, 40, 6, out + 24);
}

RawIdRange RawIdGenerator::RangeFrom(int64_t offset) const {
  RawIdRange range = {std::string(kLength, '0'), std::string(kLength, '0')};
  Write(offset, range.first.data());
  Write(kLastOffset, range.last.data());
  return range;
}

}  // namespace syncline
