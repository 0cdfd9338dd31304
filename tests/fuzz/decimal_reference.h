// A slow reader of decimal numbers and of PostgreSQL's binary numeric, which shares no code with
// the server's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::fuzz {

// (-1)^negative * digits * 10^exponent, with neither leading nor trailing zeros: equal numbers are
// equal member by member. Zero has no digits.
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
  int64_t scale = 0;  // digits behind the point, trailing zeros included
};

// `text` as a whole; JSON's numbers, and also '+', leading zeros, ".5" and "5.". None when it is no
// number.
std::optional<WrittenDecimal> ReadDecimal(absl::string_view text);

// What a numeric column makes of it (docs/types.md): none where it must be NULL.
struct StoredDecimal {
  ReferenceDecimal value;
  bool cut = false;  // digits other than zeros were rounded away
};
std::optional<StoredDecimal> StoreAsNumeric(const WrittenDecimal& written);

// The integer that a bigint column makes of it: none when there is a fraction or no room.
std::optional<int64_t> StoreAsBigint(const ReferenceDecimal& value);

// A field of COPY BINARY of type numeric, without its length; ends the process when it is not what
// numeric_recv takes. `scale` is its display scale.
ReferenceDecimal ReadNumericField(absl::string_view bytes, int64_t* scale);

}  // namespace syncline::fuzz
