// Converts dates, times of day and zone offsets from text to numbers. Pure functions.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::dataflow {

// Returns the days since 1970-01-01 in the proleptic Gregorian calendar. `year` is astronomical (0
// is 1 BC) and at least -9,999,998; the month is 1 to 12.
int64_t DaysFromCivil(int64_t year, int month, int day);

struct CivilDate {
  int64_t year = 0;  // astronomical
  int month = 1;
  int day = 1;
};
// The inverse of DaysFromCivil.
CivilDate CivilFromDays(int64_t days);

// The parts of a date with an optional time of day, which defaults to midnight.
struct DateTime {
  bool in_range = true;           // false for year 0 and for years that exceed every type
  int64_t year = 0;               // astronomical; valid if in_range
  int64_t days = 0;               // since 1970-01-01; valid if in_range
  int64_t micros = 0;             // since midnight, at most 24 hours
  int64_t zone_east_seconds = 0;  // 0 without a zone
};
// Returns false if the whole of `text` is not a date with an optional time of day, zone and era.
bool ReadDateTime(absl::string_view text, DateTime* result);

struct TimeOfDay {
  int64_t micros = 0;             // since midnight, at most 24 hours
  int64_t zone_east_seconds = 0;  // 0 without a zone
};
// Returns false if the whole of `text` is not a time of day with an optional zone.
bool ReadTimeOfDay(absl::string_view text, TimeOfDay* result);

}  // namespace syncline::dataflow
