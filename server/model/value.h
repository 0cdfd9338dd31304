// Value: one value that fits its column. Coercers produce values, and encoders consume them.
//
// Plain data of 24 bytes, trivially copyable. Text is borrowed from the batch or from the parser's
// scratch space and stays valid until the row is encoded. The column's type determines which member
// is used.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline {

struct Value {
  enum class Kind : uint8_t {
    kNull,
    // bigint: the number. boolean: 0 or 1. date: days since 2000-01-01. timestamp and timestamptz:
    // microseconds since 2000-01-01 00:00 (UTC). time: microseconds since midnight. timetz:
    // microseconds since local midnight, with `zone_west_seconds`.
    kScalar,
    // varchar: UTF-8 without NUL. numeric: decimal text [-]digits[.digits][e[+-]digits] within
    // PostgreSQL's limits. jsonb: valid JSON text without \u0000 and lone surrogates. bytea: the
    // bytes.
    kText,
  };

  static Value Null() { return Value{}; }
  static Value Scalar(int64_t scalar) {
    Value value;
    value.kind = Kind::kScalar;
    value.scalar = scalar;
    return value;
  }
  static Value TimeWithZone(int64_t microseconds, int32_t zone_west_seconds) {
    Value value = Scalar(microseconds);
    value.zone_west_seconds = zone_west_seconds;
    return value;
  }
  static Value Text(absl::string_view text) {
    Value value;
    value.kind = Kind::kText;
    value.text_data = text.data();
    value.text_size = static_cast<int64_t>(text.size());
    return value;
  }

  bool is_null() const { return kind == Kind::kNull; }
  absl::string_view text() const { return {text_data, static_cast<size_t>(text_size)}; }

  Kind kind = Kind::kNull;
  // For timetz only: seconds west of UTC, which is PostgreSQL's sign.
  int32_t zone_west_seconds = 0;
  union {
    int64_t scalar = 0;
    const char* text_data;
  };
  int64_t text_size = 0;
};

static_assert(sizeof(Value) == 24);

// Days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
inline constexpr int64_t kPostgresEpochDays = 10957;
inline constexpr int64_t kMicrosPerSecond = 1000000;
inline constexpr int64_t kMicrosPerDay = 86400 * kMicrosPerSecond;

// A record's data for the meta columns.
struct RecordMeta {
  int64_t offset = 0;           // the record's number within its writer
  int64_t extracted_at_us = 0;  // microseconds since 2000-01-01 00:00 UTC
  absl::string_view meta_json;  // text of `_airbyte_meta`, valid JSON
};

}  // namespace syncline
