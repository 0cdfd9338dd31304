#include "server/config/byte_size.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace syncline::config {
namespace {

struct Suffix {
  absl::string_view text;
  int shift;
};

// The first suffix of each size is the one that is printed.
constexpr Suffix kSuffixes[] = {{"GiB", 30}, {"G", 30}, {"MiB", 20}, {"M", 20},
                                {"KiB", 10}, {"K", 10}, {"k", 10},   {"B", 0}};

}  // namespace

bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error) {
  absl::string_view digits = absl::StripAsciiWhitespace(text);
  int shift = 0;
  for (const Suffix& suffix : kSuffixes) {
    if (digits.size() > suffix.text.size() &&
        digits.substr(digits.size() - suffix.text.size()) == suffix.text) {
      digits =
          absl::StripTrailingAsciiWhitespace(digits.substr(0, digits.size() - suffix.text.size()));
      shift = suffix.shift;
      break;
    }
  }
  int64_t number = 0;
  if (digits.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(digits[0])) ||
      !absl::SimpleAtoi(digits, &number) ||
      number > (std::numeric_limits<int64_t>::max() >> shift)) {
    *error = "a size is a whole number of bytes, optionally followed by KiB, MiB, GiB, k, M or G";
    return false;
  }
  size->bytes = number << shift;
  return true;
}

std::string AbslUnparseFlag(ByteSize size) {
  for (const Suffix& suffix : kSuffixes) {
    const int64_t unit = int64_t{1} << suffix.shift;
    if (unit > 1 && size.bytes > 0 && size.bytes % unit == 0) {
      return absl::StrCat(size.bytes / unit, suffix.text);
    }
  }
  return absl::StrCat(size.bytes);
}

}  // namespace syncline::config
