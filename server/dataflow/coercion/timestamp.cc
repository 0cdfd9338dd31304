// timestamp and timestamptz: the value is in microseconds since 2000-01-01 00:00, from 4714-11-24
// BC to the end of the year 294276.
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/coercion/timestamp_range.h"

namespace syncline::dataflow {
namespace {

enum class Zone { kApply, kIgnore };

template <Zone kZone>
Coercion FromText(absl::string_view text, ScratchArena*, Value* value) {
  DateTime read;
  if (!ReadDateTime(text, &read)) return Coercion::kUnreadable;
  // A zone moves the value by at most one day. Dates further out could overflow 64 bits.
  const int64_t days = read.days - kPostgresEpochDays;
  if (!read.in_range || days > kEndTimestamp / kMicrosPerDay + 1 ||
      days < kMinTimestamp / kMicrosPerDay - 1) {
    return Coercion::kOutOfRange;
  }
  int64_t micros = days * kMicrosPerDay + read.micros;
  if (kZone == Zone::kApply) micros -= read.zone_east_seconds * kMicrosPerSecond;
  if (!IsTimestampInRange(micros)) return Coercion::kOutOfRange;
  *value = Value::Scalar(micros);
  return Coercion::kFits;
}

template <Zone kZone>
Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] != '"') return CoerceForeignToken(token, scratch);
  return CoerceStringToken(token, FromText<kZone>, scratch, value);
}

}  // namespace

const Coercer kTimestampCoercer = {FromJson<Zone::kIgnore>, FromText<Zone::kIgnore>};
const Coercer kTimestamptzCoercer = {FromJson<Zone::kApply>, FromText<Zone::kApply>};

}  // namespace syncline::dataflow
