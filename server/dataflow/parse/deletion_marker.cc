#include "server/dataflow/parse/deletion_marker.h"

#include "server/dataflow/coercion/coercer.h"

namespace syncline::dataflow {
namespace {

int64_t DayOf(int64_t micros) {
  return micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
}

}  // namespace

Value MakeDeletionMarker(ColumnType type, int64_t extracted_at_us, absl::string_view token,
                         ScratchArena* scratch) {
  const int64_t day = DayOf(extracted_at_us);
  Value value = Value::Text("true");
  switch (type) {
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
      return Value::Scalar(extracted_at_us);
    case ColumnType::kDate:
      return Value::Scalar(day);
    case ColumnType::kTime:
      return Value::Scalar(extracted_at_us - day * kMicrosPerDay);
    case ColumnType::kTimetz:
      return Value::TimeWithZone(extracted_at_us - day * kMicrosPerDay, 0);
    case ColumnType::kBigint:
    case ColumnType::kBoolean:
      return Value::Scalar(1);
    case ColumnType::kNumeric:
      return Value::Text("1");
    case ColumnType::kJsonb:
      if (!token.empty()) kAnyJsonCoercer.from_json(token, scratch, &value);
      return value;
    case ColumnType::kVarchar:  // accepts every value that is not too long
    case ColumnType::kBytea:
      return value;
  }
  return value;
}

}  // namespace syncline::dataflow
