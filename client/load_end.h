// Whether a load may publish what it staged. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

struct EndRules {
  bool replace = false;         // --mode overwrite
  bool allow_rejected = false;  // publish although records were rejected
  bool allow_empty = false;     // replace although there is no record
  bool strict = false;          // every rejected record or changed value is a failure
  int64_t max_rejected = 0;     // a replace publishes with up to so many, without allow_rejected
};

// Why the records of `stream`, all sent and committed, must not be published; empty when they may.
// `ends_inside_record`: the input was cut off.
std::string WhyNotToPublish(const EndRules& rules, const v1::StreamSummary& stream,
                            bool ends_inside_record);

// What --strict objects to: counts of the stream that are not zero; empty when there are none.
std::string StrictFaults(const v1::StreamSummary& stream);

}  // namespace syncline::client
