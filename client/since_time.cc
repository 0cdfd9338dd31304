#include "client/since_time.h"

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/usage_error.h"

namespace syncline::client {

absl::StatusOr<absl::Time> ParseSince(absl::string_view text, absl::Time now) {
  absl::string_view number = text;
  int64_t days = 0;
  if (absl::ConsumeSuffix(&number, "d") && absl::SimpleAtoi(number, &days) && days >= 0 &&
      days < 100'000) {
    return now - absl::Hours(24 * days);
  }
  absl::Duration age;
  if (absl::ParseDuration(text, &age) && age >= absl::ZeroDuration()) return now - age;
  for (const char* const format :
       {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%E*S%Ez"}) {
    absl::Time time;
    std::string fault;
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &fault)) return time;
  }
  return UsageError(absl::StrCat("--since: ", text,
                                 " is neither an age such as 90m, 24h or 7d nor a time in UTC such "
                                 "as 2026-01-31 or '2026-01-31 18:00'"));
}

}  // namespace syncline::client
