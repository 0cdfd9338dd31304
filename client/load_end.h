// Whether a load may publish what it staged. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "client/report.h"

namespace syncline::client {

struct EndRules {
  bool replace = false;         // --mode overwrite
  bool allow_rejected = false;  // publish although records were rejected
  bool allow_empty = false;     // replace although there is no record
  bool strict = false;          // every rejected record or changed value is a failure
  int64_t max_rejected = 0;     // a replace publishes with up to so many, without allow_rejected
};

// Why the records of a stream, all sent and committed, must not be published; empty when they may.
// `ends_inside_record`: the input was cut off.
std::string WhyNotToPublish(const EndRules& rules, const StreamReport& report,
                            bool ends_inside_record);

// What became of the records that --strict does not allow; empty when all were stored as they are.
// The table's definition is not looked at: the server keeps it as it is (SCHEMA_POLICY_FREEZE).
std::string StrictFaults(const StreamReport& report);

}  // namespace syncline::client
