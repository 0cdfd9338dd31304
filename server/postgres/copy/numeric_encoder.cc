#include "server/postgres/copy/numeric_encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/digit_word.h"
#include "base/json_scanner.h"
#include "server/postgres/copy/field_bytes.h"

namespace syncline::postgres {
namespace {

constexpr int kGroupDigits = 4;  // decimal digits per base-10000 digit
constexpr uint64_t kGroupBase = 10000;
constexpr uint16_t kNegative = 0x4000;
constexpr size_t kHeaderBytes = 8;  // count, weight, sign, scale

// Maximum decimal digits that, followed by up to three zeros, fit in a uint64_t.
constexpr size_t kFastDigits = 16;
// Maximum groups of a uint64_t.
constexpr size_t kMaxGroups = 5;

// Exponents are capped here while they are read, so that sums with them cannot overflow. The cap is
// far beyond PostgreSQL's limits.
constexpr int64_t kExponentCap = 1000000;

struct Header {
  int64_t groups = 0;
  int64_t weight = 0;
  bool negative = false;
  int64_t scale = 0;
};

// Writes length and header of the field and returns the address for the groups.
char* PutHeader(const Header& header, char* to) {
  PutBigEndian32(to,
                 static_cast<uint32_t>(kHeaderBytes) + 2 * static_cast<uint32_t>(header.groups));
  PutBigEndian16(to + 4, static_cast<uint16_t>(header.groups));
  PutBigEndian16(to + 6, static_cast<uint16_t>(header.weight));
  PutBigEndian16(to + 8, header.negative ? kNegative : 0);
  PutBigEndian16(to + 10, static_cast<uint16_t>(header.scale));
  return to + 4 + kHeaderBytes;
}

// A number without its sign: `digits` divided by 10 to the power of `scale`.
struct Mantissa {
  uint64_t digits = 0;
  size_t scale = 0;
};

// Reads a number of at most eight characters without an exponent. Returns false for any other text.
bool ReadShort(absl::string_view text, Mantissa* mantissa) {
  size_t count = text.size();
  if (count == 0 || count > sizeof(uint64_t)) return false;
  constexpr uint64_t kZeros = RepeatByte('0');
  uint64_t digits =
      LoadShortWord(text.data(), count) ^ (kZeros >> (8 * (sizeof(uint64_t) - count)));
  mantissa->scale = 0;
  if (const uint64_t others = FindBytesAbove(digits, RepeatByte(9)); others != 0) {
    const int point_bit = std::countr_zero(others) - 7;
    const auto point = static_cast<size_t>(point_bit) / 8;
    const bool only_one = (others & (others - 1)) == 0;
    if (!only_one || text[point] != '.' || count == 1) return false;
    // Close the gap that the point leaves.
    const uint64_t below = (uint64_t{1} << point_bit) - 1;
    digits = (digits & below) | ((digits >> 8) & ~below);
    mantissa->scale = --count - point;
  }
  mantissa->digits = ReadEightDigits(digits << (8 * (sizeof(uint64_t) - count)));
  return true;
}

// Reads a number of at most 16 digits without an exponent. Returns false for any other text.
bool ReadMedium(absl::string_view text, Mantissa* mantissa) {
  if (text.size() > kFastDigits + 1) return false;
  mantissa->digits = 0;
  size_t point = text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsDigit(c)) {
      mantissa->digits = mantissa->digits * 10 + static_cast<uint64_t>(c - '0');
    } else if (c == '.') {
      point = i;
    } else {
      return false;
    }
  }
  if (point == text.size() && text.size() > kFastDigits) return false;
  mantissa->scale = point == text.size() ? 0 : text.size() - point - 1;
  return true;
}

size_t CountGroups(uint64_t number) {
  size_t count = 1;
  for (uint64_t limit = kGroupBase; count < kMaxGroups && number >= limit; limit *= kGroupBase) {
    ++count;
  }
  return count;
}

void EncodeMantissa(const Mantissa& mantissa, bool negative, ByteBuffer* out) {
  // Pads the fraction with zeros to whole groups.
  static constexpr std::array<uint64_t, kGroupDigits> kPadding = {1, 1000, 100, 10};
  uint64_t rest = mantissa.digits * kPadding[mantissa.scale % kGroupDigits];
  Header header;
  header.scale = static_cast<int64_t>(mantissa.scale);
  size_t kept = 0;  // groups without the zero groups at the end
  if (rest != 0) {
    const size_t fraction_groups = (mantissa.scale + kGroupDigits - 1) / kGroupDigits;
    header.weight = -1 - static_cast<int64_t>(fraction_groups);
    for (; rest % kGroupBase == 0; rest /= kGroupBase) ++header.weight;
    kept = CountGroups(rest);
    header.weight += static_cast<int64_t>(kept);
    header.groups = static_cast<int64_t>(kept);
    header.negative = negative;
  }
  const size_t bytes = 4 + kHeaderBytes + 2 * kept;
  char* const first = PutHeader(header, out->Reserve(bytes));
  for (char* to = first + 2 * kept; to != first; rest /= kGroupBase) {
    to -= 2;
    PutBigEndian16(to, static_cast<uint16_t>(rest % kGroupBase));
  }
  out->Advance(bytes);
}

// The parts of a number's text.
struct Parts {
  absl::string_view whole;     // digits before the point
  absl::string_view fraction;  // digits after it
  int64_t exponent = 0;
};

absl::string_view TakeDigits(absl::string_view* text) {
  size_t count = 0;
  while (count < text->size() && IsDigit((*text)[count])) ++count;
  const absl::string_view digits = text->substr(0, count);
  text->remove_prefix(count);
  return digits;
}

Parts Split(absl::string_view text) {
  Parts parts;
  parts.whole = TakeDigits(&text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    parts.fraction = TakeDigits(&text);
  }
  if (text.empty()) return parts;
  text.remove_prefix(1);  // the e or E
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  for (const char c : text) {
    parts.exponent = std::min<int64_t>(parts.exponent * 10 + (c - '0'), kExponentCap);
  }
  if (negative) parts.exponent = -parts.exponent;
  return parts;
}

// Packs decimal digits into big-endian groups.
class GroupWriter {
 public:
  // `skipped` is the number of leading zeros of the first group that the text does not contain.
  GroupWriter(int64_t skipped, char* to) : digits_(skipped), to_(to) {}

  void Write(absl::string_view digits) {
    for (const char c : digits) {
      group_ = group_ * 10 + static_cast<uint32_t>(c - '0');
      if (++digits_ == kGroupDigits) Flush();
    }
  }
  // Fills the last group with zeros.
  void Finish() {
    if (digits_ == 0) return;
    for (; digits_ < kGroupDigits; ++digits_) group_ *= 10;
    Flush();
  }

 private:
  void Flush() {
    PutBigEndian16(to_, static_cast<uint16_t>(group_));
    to_ += 2;
    group_ = 0;
    digits_ = 0;
  }

  uint32_t group_ = 0;
  int64_t digits_;
  char* to_;
};

// Removes leading and trailing zeros from the digits of `whole` and `fraction` together. Returns
// the number of leading zeros removed.
int64_t TrimZeros(absl::string_view* whole, absl::string_view* fraction) {
  int64_t leading = 0;
  for (absl::string_view* part : {whole, fraction}) {
    const size_t zeros = std::min(part->find_first_not_of('0'), part->size());
    part->remove_prefix(zeros);
    leading += static_cast<int64_t>(zeros);
    if (!part->empty()) break;
  }
  for (absl::string_view* part : {fraction, whole}) {
    const size_t last = part->find_last_not_of('0');
    *part = part->substr(0, last == absl::string_view::npos ? 0 : last + 1);
    if (!part->empty()) break;
  }
  return leading;
}

// Encodes any number. `text` has no sign.
void EncodeGeneral(absl::string_view text, bool negative, ByteBuffer* out) {
  Parts parts = Split(text);
  Header header;
  header.scale = std::max<int64_t>(static_cast<int64_t>(parts.fraction.size()) - parts.exponent, 0);
  // The number of decimal digits before the point; zero or less if the first nonzero digit is after
  // it.
  int64_t before = static_cast<int64_t>(parts.whole.size()) + parts.exponent;
  before -= TrimZeros(&parts.whole, &parts.fraction);
  const auto digits = static_cast<int64_t>(parts.whole.size() + parts.fraction.size());
  if (digits == 0) {
    PutHeader(header, out->Reserve(4 + kHeaderBytes));
    out->Advance(4 + kHeaderBytes);
    return;
  }
  const int64_t last = before - 1;  // the first digit counts 10^last
  header.weight = last >= 0 ? last / kGroupDigits : -((-last + kGroupDigits - 1) / kGroupDigits);
  const int64_t skipped = (header.weight + 1) * kGroupDigits - before;
  header.groups = (skipped + digits + kGroupDigits - 1) / kGroupDigits;
  header.negative = negative;
  const size_t bytes = 4 + kHeaderBytes + 2 * static_cast<size_t>(header.groups);
  GroupWriter writer(skipped, PutHeader(header, out->Reserve(bytes)));
  writer.Write(parts.whole);
  writer.Write(parts.fraction);
  writer.Finish();
  out->Advance(bytes);
}

}  // namespace

void EncodeNumeric(const Value& value, ByteBuffer* out) {
  if (value.is_null()) return AppendNullField(out);
  absl::string_view text = value.text();
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  Mantissa mantissa;
  if (ReadShort(text, &mantissa) || ReadMedium(text, &mantissa)) {
    EncodeMantissa(mantissa, negative, out);
  } else {
    EncodeGeneral(text, negative, out);
  }
}

}  // namespace syncline::postgres
