#include "server/dataflow/parse/fixed_values.h"

#include <cstring>
#include <limits>

#include "absl/base/config.h"

#ifndef ABSL_IS_LITTLE_ENDIAN
#error "The buffers are little-endian, and so must be the machine."
#endif

namespace syncline::dataflow {
namespace {

constexpr int64_t kMillisPerDay = 86400000;

template <typename Number>
Number Load(const std::string& data, int64_t row) {
  Number number;
  std::memcpy(&number, data.data() + static_cast<size_t>(row) * sizeof(Number), sizeof(Number));
  return number;
}

// Divides towards minus infinity.
int64_t FloorDivide(int64_t number, int64_t divisor) {
  return number / divisor - (number % divisor < 0 ? 1 : 0);
}

// Reads a timestamp in units of `micros_per_unit` microseconds.
Coercion FromCoarseTimestamp(int64_t number, int64_t micros_per_unit, const TypedTarget& target,
                             ScratchArena* scratch, Value* value) {
  const int64_t limit = std::numeric_limits<int64_t>::max() / micros_per_unit;
  if (number > limit || number < -limit) return Coercion::kOutOfRange;
  return FromTimestamp(number * micros_per_unit, target, scratch, value);
}

}  // namespace

int64_t GetFixedWidth(v1::FixedType type) {
  switch (type) {
    case v1::FIXED_TYPE_INT8:
    case v1::FIXED_TYPE_UINT8:
      return 1;
    case v1::FIXED_TYPE_INT16:
    case v1::FIXED_TYPE_UINT16:
      return 2;
    case v1::FIXED_TYPE_INT32:
    case v1::FIXED_TYPE_UINT32:
    case v1::FIXED_TYPE_FLOAT32:
    case v1::FIXED_TYPE_DATE_DAYS32:
    case v1::FIXED_TYPE_TIME_S32:
    case v1::FIXED_TYPE_TIME_MS32:
      return 4;
    case v1::FIXED_TYPE_INT64:
    case v1::FIXED_TYPE_UINT64:
    case v1::FIXED_TYPE_FLOAT64:
    case v1::FIXED_TYPE_DATE_MS64:
    case v1::FIXED_TYPE_TIME_US64:
    case v1::FIXED_TYPE_TIME_NS64:
    case v1::FIXED_TYPE_TIMESTAMP_S:
    case v1::FIXED_TYPE_TIMESTAMP_MS:
    case v1::FIXED_TYPE_TIMESTAMP_US:
    case v1::FIXED_TYPE_TIMESTAMP_NS:
      return 8;
    case v1::FIXED_TYPE_DECIMAL128:
      return 16;
    case v1::FIXED_TYPE_UNSPECIFIED:
    case v1::FixedType_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::FixedType_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return 0;  // also for types that only a newer caller knows
}

Coercion ReadFixed(const v1::FixedValues& values, int64_t row, const TypedTarget& target,
                   ScratchArena* scratch, Value* value) {
  const std::string& data = values.data();
  const auto integer = [&](int64_t number) { return FromInt64(number, target, scratch, value); };
  const auto time = [&](int64_t micros) { return FromTime(micros, target, scratch, value); };
  switch (values.type()) {
    case v1::FIXED_TYPE_INT8:
      return integer(Load<int8_t>(data, row));
    case v1::FIXED_TYPE_INT16:
      return integer(Load<int16_t>(data, row));
    case v1::FIXED_TYPE_INT32:
      return integer(Load<int32_t>(data, row));
    case v1::FIXED_TYPE_INT64:
      return integer(Load<int64_t>(data, row));
    case v1::FIXED_TYPE_UINT8:
      return integer(Load<uint8_t>(data, row));
    case v1::FIXED_TYPE_UINT16:
      return integer(Load<uint16_t>(data, row));
    case v1::FIXED_TYPE_UINT32:
      return integer(Load<uint32_t>(data, row));
    case v1::FIXED_TYPE_UINT64:
      return FromUint64(Load<uint64_t>(data, row), target, scratch, value);
    case v1::FIXED_TYPE_FLOAT32:
      return FromDouble(static_cast<double>(Load<float>(data, row)), target, scratch, value);
    case v1::FIXED_TYPE_FLOAT64:
      return FromDouble(Load<double>(data, row), target, scratch, value);
    case v1::FIXED_TYPE_DECIMAL128:
      return FromDecimal128(data.data() + row * 16, values.scale(), target, scratch, value);
    case v1::FIXED_TYPE_DATE_DAYS32:
      return FromDate(Load<int32_t>(data, row), target, scratch, value);
    case v1::FIXED_TYPE_DATE_MS64:
      return FromDate(FloorDivide(Load<int64_t>(data, row), kMillisPerDay), target, scratch, value);
    case v1::FIXED_TYPE_TIME_S32:
      return time(int64_t{Load<int32_t>(data, row)} * kMicrosPerSecond);
    case v1::FIXED_TYPE_TIME_MS32:
      return time(int64_t{Load<int32_t>(data, row)} * 1000);
    case v1::FIXED_TYPE_TIME_US64:
      return time(Load<int64_t>(data, row));
    case v1::FIXED_TYPE_TIME_NS64:
      return time(FloorDivide(Load<int64_t>(data, row), 1000));
    case v1::FIXED_TYPE_TIMESTAMP_S:
      return FromCoarseTimestamp(Load<int64_t>(data, row), kMicrosPerSecond, target, scratch,
                                 value);
    case v1::FIXED_TYPE_TIMESTAMP_MS:
      return FromCoarseTimestamp(Load<int64_t>(data, row), 1000, target, scratch, value);
    case v1::FIXED_TYPE_TIMESTAMP_US:
      return FromTimestamp(Load<int64_t>(data, row), target, scratch, value);
    case v1::FIXED_TYPE_TIMESTAMP_NS:
      return FromTimestamp(FloorDivide(Load<int64_t>(data, row), 1000), target, scratch, value);
    case v1::FIXED_TYPE_UNSPECIFIED:
    case v1::FixedType_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::FixedType_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return Coercion::kUnreadable;  // never reached: CheckRowBatch refuses other types
}

}  // namespace syncline::dataflow
