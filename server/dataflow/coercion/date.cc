// date: the value is in days since 2000-01-01, from 4714-11-24 BC to 5874897-12-31.
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/coercion/date_range.h"

namespace syncline::dataflow {
namespace {

Coercion FromText(absl::string_view text, ScratchArena*, Value* value) {
  DateTime date;
  if (!ReadDateTime(text, &date)) return Coercion::kUnreadable;
  const int64_t days = date.days - kPostgresEpochDays;
  if (!date.in_range || !IsDateInRange(days)) return Coercion::kOutOfRange;
  *value = Value::Scalar(days);
  return Coercion::kFits;
}

Coercion FromJson(absl::string_view token, ScratchArena* scratch, Value* value) {
  if (token[0] != '"') return CoerceForeignToken(token, scratch);
  return CoerceStringToken(token, FromText, scratch, value);
}

}  // namespace

const Coercer kDateCoercer = {FromJson, FromText};

}  // namespace syncline::dataflow
