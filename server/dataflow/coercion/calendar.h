// Dates, times of day and zone offsets as text -> numbers.
//
// Readers take a position and move it behind what they read; they leave it where it was when they
// return false.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::dataflow {

// Days from 1970-01-01 in the proleptic Gregorian calendar; `year` is astronomical (0 is 1 BC).
int64_t DaysFromCivil(int64_t year, int month, int day);

struct CivilDate {
  int64_t year = 0;  // astronomical
  int month = 1;
  int day = 1;
};
// The inverse of DaysFromCivil.
CivilDate CivilFromDays(int64_t days);

// A text with a date, taken apart. Without a time of day it is midnight.
struct DateTime {
  bool in_range = true;           // false: year 0, or more digits than any type has
  int64_t year = 0;               // astronomical
  int64_t days = 0;               // from 1970-01-01; valid when in_range
  int64_t micros = 0;             // since midnight, up to 24 hours
  int64_t zone_east_seconds = 0;  // 0 without a zone
};
// False when `text` as a whole is not a date with an optional time of day, zone and era.
bool ReadDateTime(absl::string_view text, DateTime* result);

// A time of day with an optional zone. False when `text` as a whole is none.
struct TimeOfDay {
  int64_t micros = 0;  // since midnight, up to 24 hours
  int64_t zone_east_seconds = 0;
};
bool ReadTimeOfDay(absl::string_view text, TimeOfDay* result);

}  // namespace syncline::dataflow
