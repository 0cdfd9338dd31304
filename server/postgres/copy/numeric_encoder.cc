#include "server/postgres/copy/numeric_encoder.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/postgres/copy/field_bytes.h"

namespace syncline::postgres {
namespace {

constexpr int kGroupDigits = 4;  // decimal digits per base-10000 digit
constexpr uint64_t kGroupBase = 10000;
constexpr uint16_t kNegative = 0x4000;
constexpr size_t kHeaderBytes = 8;  // count, weight, sign, scale

// Maximum decimal digits that, followed by up to three zeros, fit in a uint64_t.
constexpr size_t kFastDigits = 16;
// Maximum groups of a fast number: 16 digits around a point that may be within a group.
constexpr size_t kFastGroups = 5;

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

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Encodes `text`, which has no sign, if it is short and has no exponent. Otherwise returns false.
bool EncodeFast(absl::string_view text, bool negative, ByteBuffer* out) {
  if (text.size() > kFastDigits + 1) return false;
  uint64_t mantissa = 0;
  size_t point = text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsDigit(c)) {
      mantissa = mantissa * 10 + static_cast<uint64_t>(c - '0');
    } else if (c == '.') {
      point = i;
    } else {
      return false;
    }
  }
  // Pads the fraction with zeros to whole groups.
  const size_t scale = point == text.size() ? 0 : text.size() - point - 1;
  if (point == text.size() && text.size() > kFastDigits) return false;
  static constexpr std::array<uint64_t, kGroupDigits> kPadding = {1, 1000, 100, 10};
  mantissa *= kPadding[scale % kGroupDigits];

  // Splits the number into groups, the last one first, without zero groups at the end.
  std::array<uint16_t, kFastGroups + 1> groups;
  size_t count = 0;  // all groups, from the last one
  size_t kept = 0;   // groups without the zero groups at the end
  for (; mantissa != 0; mantissa /= kGroupBase, ++count) {
    const auto group = static_cast<uint16_t>(mantissa % kGroupBase);
    if (kept != 0 || group != 0) groups[kept++] = group;
  }
  Header header;
  header.scale = static_cast<int64_t>(scale);
  if (kept > 0) {
    header.groups = static_cast<int64_t>(kept);
    header.negative = negative;
    header.weight = static_cast<int64_t>(count) - 1 -
                    static_cast<int64_t>((scale + kGroupDigits - 1) / kGroupDigits);
  }
  const size_t bytes = 4 + kHeaderBytes + 2 * kept;
  char* to = PutHeader(header, out->Reserve(bytes));
  while (kept > 0) {
    PutBigEndian16(to, groups[--kept]);
    to += 2;
  }
  out->Advance(bytes);
  return true;
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
  if (!EncodeFast(text, negative, out)) EncodeGeneral(text, negative, out);
}

}  // namespace syncline::postgres
