// A slow reference implementation of decimal numbers and of PostgreSQL's binary numeric. It shares
// no code with the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::fuzz {

// The number (-1)^negative * digits * 10^exponent. The digits have neither leading nor trailing
// zeros, so equal numbers have equal members. Zero has no digits.
struct ReferenceDecimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;

  friend bool operator==(const ReferenceDecimal& a, const ReferenceDecimal& b) {
    return a.negative == b.negative && a.digits == b.digits && a.exponent == b.exponent;
  }
};

std::string ToString(const ReferenceDecimal& decimal);

struct WrittenDecimal {
  ReferenceDecimal value;
  int64_t scale = 0;  // digits after the decimal point, including trailing zeros
};

// Parses all of `text`. Accepts JSON's numbers and also '+', leading zeros, ".5" and "5.". Returns
// nullopt if `text` is not a number.
std::optional<WrittenDecimal> ReadDecimal(absl::string_view text);

// The number that a numeric column stores (docs/types.md). StoreAsNumeric returns nullopt if the
// column must be NULL.
struct StoredDecimal {
  ReferenceDecimal value;
  bool cut = false;  // nonzero digits were rounded off
};
std::optional<StoredDecimal> StoreAsNumeric(const WrittenDecimal& written);

// Returns the integer that a bigint column stores, or nullopt if there is a fraction or an
// overflow.
std::optional<int64_t> StoreAsBigint(const ReferenceDecimal& value);

// Decodes a numeric field of COPY BINARY without its length. Aborts the process if numeric_recv
// would reject it. Sets `scale` to its display scale.
ReferenceDecimal ReadNumericField(absl::string_view bytes, int64_t* scale);

}  // namespace syncline::fuzz
