// Decides whether a load may publish the records that it staged. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "client/report.h"

namespace syncline::client {

struct EndRules {
  bool replace = false;         // --mode overwrite
  bool allow_rejected = false;  // publish even if records were rejected
  bool allow_empty = false;     // replace even if there is no record
  bool strict = false;          // fail on any rejected record or changed value
  int64_t max_rejected = 0;     // rejected records with which a replace still publishes
};

// Returns why the records of a stream, which are all sent and committed, must not be published, or
// an empty string if they may be. `ends_inside_record` means that the input was truncated.
std::string FindReasonNotToPublish(const EndRules& rules, const StreamReport& report,
                                   bool ends_inside_record);

// Returns the record outcomes that --strict does not allow, or an empty string if all records were
// stored unchanged. Does not check the table's definition: the server keeps it unchanged
// (SCHEMA_POLICY_FREEZE).
std::string DescribeStrictFaults(const StreamReport& report);

}  // namespace syncline::client
