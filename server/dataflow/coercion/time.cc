// time and timetz: the value is in microseconds since midnight, at most 24:00:00.
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/coercer.h"

namespace syncline::dataflow {
namespace {

// Reads the local time. A zone is ignored.
Coercion TimeFromText(absl::string_view text, ScratchArena*, Value* value) {
  TimeOfDay time;
  if (!ReadTimeOfDay(text, &time)) return Coercion::kUnreadable;
  *value = Value::Scalar(time.micros);
  return Coercion::kFits;
}

Coercion TimetzFromText(absl::string_view text, ScratchArena*, Value* value) {
  TimeOfDay time;
  if (!ReadTimeOfDay(text, &time)) return Coercion::kUnreadable;
  *value = Value::TimeWithZone(time.micros, static_cast<int32_t>(-time.zone_east_seconds));
  return Coercion::kFits;
}

template <CoerceFunction kFromText>
Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] != '"') return CoerceForeignToken(token, scratch);
  return CoerceStringToken(token, kFromText, scratch, value);
}

}  // namespace

const Coercer kTimeCoercer = {FromJson<TimeFromText>, TimeFromText};
const Coercer kTimetzCoercer = {FromJson<TimetzFromText>, TimetzFromText};

}  // namespace syncline::dataflow
