#include "base/json_scanner.h"

#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/hex.h"
#include "base/word.h"

namespace syncline {
namespace {

bool IsStringEvent(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

// Returns a mask in which bit i is set if byte i of the 16 bytes at `p` is a string event.
#ifdef __SSE2__
inline unsigned EventMask(const char* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i limit = _mm_set1_epi8(0x1F);
  const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, limit), limit);
  const __m128i event = _mm_or_si128(_mm_or_si128(quote, backslash), control);
  return static_cast<unsigned>(_mm_movemask_epi8(event));
}

inline bool Has16(const char* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) != 0;
}
#endif

// Returns whether one of the 8 bytes at `p` is a backslash.
inline bool Has8(const char* p) {
  const uint64_t word = LoadWord(p) ^ RepeatByte('\\');
  return ((word - RepeatByte(1)) & ~word & RepeatByte(0x80)) != 0;
}

// Returns the value of the four hexadecimal digits at `p`, or -1.
int ReadHex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = GetHexValue(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool IsHighSurrogate(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool IsLowSurrogate(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

Escape ReadUnicodeEscape(const char* p, const char* end) {
  const int unit = ReadHex4(p, end);
  if (unit < 0) return {};
  p += 4;
  if (!IsHighSurrogate(unit) && !IsLowSurrogate(unit)) {
    return {p, static_cast<uint32_t>(unit), false};
  }
  if (IsHighSurrogate(unit) && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
    const int low = ReadHex4(p + 2, end);
    if (IsLowSurrogate(low)) {
      const int code_point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      return {p + 6, static_cast<uint32_t>(code_point), false};
    }
  }
  return {p, 0xFFFD, true};
}

}  // namespace

const char* SkipJsonNumber(const char* begin, const char* end) {
  const char* p = begin;
  if (p != end && *p == '-') ++p;
  if (p == end || !IsDigit(*p)) return nullptr;
  p = *p == '0' ? p + 1 : SkipDigits(p, end);
  if (p != end && *p == '.') {
    const char* const fraction = p + 1;
    p = SkipDigits(fraction, end);
    if (p == fraction) return nullptr;
  }
  if (p == end || (*p != 'e' && *p != 'E')) return p;
  ++p;
  if (p != end && (*p == '+' || *p == '-')) ++p;
  const char* const exponent = p;
  p = SkipDigits(p, end);
  return p == exponent ? nullptr : p;
}

const char* FindStringEvent(const char* begin, const char* end) {
  const char* p = begin;
#ifdef __SSE2__
  for (; end - p >= 16; p += 16) {
    const unsigned mask = EventMask(p);
    if (mask != 0) return p + __builtin_ctz(mask);
  }
#endif
  while (p != end && !IsStringEvent(*p)) ++p;
  return p;
}

bool HasBackslash(absl::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
#ifdef __SSE2__
  if (text.size() >= 16) {
    for (; end - p > 16; p += 16) {
      if (Has16(p)) return true;
    }
    return Has16(end - 16);  // overlaps bytes that were checked before
  }
#endif
  if (text.size() >= 8) {
    for (; end - p > 8; p += 8) {
      if (Has8(p)) return true;
    }
    return Has8(end - 8);
  }
  for (; p != end; ++p) {
    if (*p == '\\') return true;
  }
  return false;
}

Escape ReadEscape(const char* begin, const char* end) {
  if (begin == end) return {};
  switch (*begin) {
    case '"':
    case '\\':
    case '/':
      return {begin + 1, static_cast<uint32_t>(*begin), false};
    case 'b':
      return {begin + 1, '\b', false};
    case 'f':
      return {begin + 1, '\f', false};
    case 'n':
      return {begin + 1, '\n', false};
    case 'r':
      return {begin + 1, '\r', false};
    case 't':
      return {begin + 1, '\t', false};
    case 'u':
      return ReadUnicodeEscape(begin + 1, end);
    default:
      return {};
  }
}

const char* SkipString(const char* begin, const char* end, bool* escaped) {
  *escaped = false;
  const char* p = begin + 1;
  while (true) {
    p = FindStringEvent(p, end);
    if (p == end) return nullptr;
    if (*p == '"') return p + 1;
    if (*p != '\\') return nullptr;
    *escaped = true;
    p = ReadEscape(p + 1, end).next;
    if (p == nullptr) return nullptr;
  }
}

const char* SkipStringUnchecked(const char* begin, const char* end) {
  const char* p = begin + 1;
  while (true) {
    p = FindStringEvent(p, end);
    if (p == end) return nullptr;
    if (*p == '"') return p + 1;
    if (*p != '\\' || end - p < 2) return nullptr;
    p += 2;
  }
}

}  // namespace syncline
