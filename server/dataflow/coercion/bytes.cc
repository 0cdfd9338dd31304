// bytea: accepts base64 text, as in JSON Schema's contentEncoding. Both alphabets of RFC 4648 are
// accepted, white space is skipped, and the padding must be complete or absent.
#include <array>
#include <cstdint>

#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

constexpr uint8_t kNoDigit = 0xFF;
constexpr uint8_t kSpace = 0xFE;
constexpr uint8_t kPadding = 0xFD;

constexpr std::array<uint8_t, 256> MakeDigits() {
  std::array<uint8_t, 256> digits{};
  for (uint8_t& digit : digits) digit = kNoDigit;
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (uint8_t i = 0; i < 64; ++i) digits[static_cast<unsigned char>(kAlphabet[i])] = i;
  digits['-'] = 62;
  digits['_'] = 63;
  for (const char c : {' ', '\t', '\n', '\r'}) digits[static_cast<unsigned char>(c)] = kSpace;
  digits['='] = kPadding;
  return digits;
}
constexpr std::array<uint8_t, 256> kDigits = MakeDigits();

// Decodes `text` to `out` and returns the end of the result, or null if `text` is not base64.
char* Decode(absl::string_view text, char* out) {
  uint32_t bits = 0;
  int count = 0;  // digits since the last whole group
  int padding = 0;
  for (const char c : text) {
    const uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kSpace) continue;
    if (digit == kPadding) {
      ++padding;
      continue;
    }
    if (digit == kNoDigit || padding > 0) return nullptr;
    bits = bits << 6 | digit;
    if (++count < 4) continue;
    for (const int shift : {16, 8, 0}) *out++ = static_cast<char>(bits >> shift);
    bits = 0;
    count = 0;
  }
  if (count == 0) return padding == 0 ? out : nullptr;
  if (count == 1 || (padding != 0 && count + padding != 4)) return nullptr;
  // The unused bits after the last whole byte must be 0.
  const int left = count == 2 ? 4 : 2;
  if ((bits & ((1U << left) - 1)) != 0) return nullptr;
  bits >>= left;
  if (count == 3) *out++ = static_cast<char>(bits >> 8);
  *out++ = static_cast<char>(bits);
  return out;
}

Coercion FromText(absl::string_view text, ScratchArena* scratch, Value* value) {
  if (static_cast<int64_t>(text.size()) > kMaxFieldBytes) return Coercion::kOutOfRange;
  char* const begin = scratch->Allocate(text.size() / 4 * 3 + 3);
  char* const end = Decode(text, begin);
  scratch->TrimTo(end == nullptr ? begin : end);
  if (end == nullptr) return Coercion::kUnreadable;
  *value = Value::Text(absl::string_view(begin, static_cast<size_t>(end - begin)));
  return Coercion::kFits;
}

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] != '"') return CoerceForeignToken(token, scratch);
  return CoerceStringToken(token, FromText, scratch, value);
}

}  // namespace

const Coercer kByteaCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
