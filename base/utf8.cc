#include "base/utf8.h"

#include <cstdint>

#include "base/word.h"

namespace syncline {
namespace {

constexpr size_t kMaxContinuationBytes = 3;

}  // namespace

size_t GetCharacterLength(absl::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t at) { return static_cast<uint8_t>(text[at]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first < 0xC2   ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t at = 1; at < length; ++at) {
    if (!ContinuesCharacter(text[at])) return 0;
  }
  const uint8_t second = byte(1);
  const bool malformed = (first == 0xE0 && second < 0xA0) ||  // overlong
                         (first == 0xED && second > 0x9F) ||  // surrogate
                         (first == 0xF0 && second < 0x90) ||  // overlong
                         (first == 0xF4 && second > 0x8F);    // above U+10FFFF
  return malformed ? 0 : length;
}

size_t FindInvalidUtf8(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    while (text.size() - at >= sizeof(uint64_t) &&
           (LoadWord(text.data() + at) & RepeatByte(0x80)) == 0) {
      at += sizeof(uint64_t);
    }
    while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
    if (at == text.size()) break;
    const size_t length = GetCharacterLength(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return text.size();
}

bool IsUtf8(absl::string_view text) { return FindInvalidUtf8(text) == text.size(); }

absl::string_view CutAtCharacter(absl::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  const size_t least = bytes < kMaxContinuationBytes ? 0 : bytes - kMaxContinuationBytes;
  while (bytes > least && ContinuesCharacter(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

std::string ToUtf8(absl::string_view text, size_t bytes) {
  std::string out;
  while (!text.empty()) {
    const size_t length = GetCharacterLength(text);
    const absl::string_view character = length == 0 ? kReplacementUtf8 : text.substr(0, length);
    if (out.size() + character.size() > bytes) break;
    out.append(character.data(), character.size());
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

char* WriteUtf8(uint32_t code_point, char* out) {
  const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
  return out;
}

}  // namespace syncline
