#include "server/postgres/copy/user_type_encoders.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/string_view.h"
#include "base/hex.h"
#include "server/postgres/copy/field_bytes.h"
#include "server/postgres/copy/text_encoders.h"

namespace syncline::postgres {
namespace {

// Longer than any value of these types. PostgreSQL reports too many bytes as an error of the row,
// but too few as an error of the protocol.
constexpr uint32_t kInvalidFormBytes = 17;

void AppendInvalidForm(ByteBuffer* out) {
  char* const to = out->Reserve(4 + kInvalidFormBytes);
  PutBigEndian32(to, kInvalidFormBytes);
  std::memset(to + 4, 0, kInvalidFormBytes);
  out->Advance(4 + kInvalidFormBytes);
}

void AppendReal(float number, ByteBuffer* out) {
  if (!std::isfinite(number)) return AppendInvalidForm(out);
  uint32_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  char* const to = out->Reserve(8);
  PutBigEndian32(to, 4);
  PutBigEndian32(to + 4, bits);
  out->Advance(8);
}

void AppendDouble(double number, ByteBuffer* out) {
  if (!std::isfinite(number)) return AppendInvalidForm(out);
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  char* const to = out->Reserve(12);
  PutBigEndian32(to, 8);
  PutBigEndian64(to + 4, bits);
  out->Advance(12);
}

// Returns the nearest number, or infinity if `text` overflows or underflows.
template <typename Float>
Float NearestTo(absl::string_view text) {
  Float number = 0;
  const absl::from_chars_result read =
      absl::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() ? number : std::numeric_limits<Float>::infinity();
}

// Returns the 32 digits of a UUID, or an empty string if `text` is not one. A hyphen may follow
// every fourth digit.
std::string UuidDigits(absl::string_view text) {
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, text.size() - 2);
  }
  std::string digits;
  bool after_hyphen = true;
  for (const char c : text) {
    const bool hyphen = c == '-';
    if (hyphen && (after_hyphen || digits.size() % 4 != 0)) return "";
    if (!hyphen) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) || digits.size() == 32) return "";
      digits.push_back(c);
    }
    after_hyphen = hyphen;
  }
  return digits.size() == 32 && !after_hyphen ? digits : "";
}

}  // namespace

bool IsInvalidForm(absl::string_view field) {
  return field.size() == kInvalidFormBytes &&
         field.find_first_not_of('\0') == absl::string_view::npos;
}

void EncodeBigintAsSmallint(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  if (value.scalar != static_cast<int16_t>(value.scalar)) return AppendInvalidForm(out);
  char* const to = out->Reserve(6);
  PutBigEndian32(to, 2);
  PutBigEndian16(to + 4, static_cast<uint16_t>(value.scalar));
  out->Advance(6);
}

void EncodeBigintAsInteger(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  if (value.scalar != static_cast<int32_t>(value.scalar)) return AppendInvalidForm(out);
  char* const to = out->Reserve(8);
  PutBigEndian32(to, 4);
  PutBigEndian32(to + 4, static_cast<uint32_t>(value.scalar));
  out->Advance(8);
}

void EncodeBigintAsReal(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendReal(static_cast<float>(value.scalar), out);
}

void EncodeBigintAsDouble(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendDouble(static_cast<double>(value.scalar), out);
}

void EncodeNumericAsReal(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendReal(NearestTo<float>(value.text()), out);
}

void EncodeNumericAsDouble(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  AppendDouble(NearestTo<double>(value.text()), out);
}

void EncodeVarcharAsUuid(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  const std::string digits = UuidDigits(value.text());
  if (digits.empty()) return AppendInvalidForm(out);
  const std::string bytes = HexToBytes(digits);
  char* const to = out->Reserve(20);
  PutBigEndian32(to, 16);
  std::memcpy(to + 4, bytes.data(), 16);
  out->Advance(20);
}

void EncodeJsonbAsJson(const Value& value, ByteBuffer* out) { EncodeVarchar(value, out); }

}  // namespace syncline::postgres
