// Whether a stream is completed at the end of the source's messages.
//
// A replaced table must not be emptied, or filled with a part, because the source died. A stream
// that the source itself ended with a status is not asked about here. Pure functions, any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "syncline/v1/stream.pb.h"

namespace syncline::client {

// What the whole input said.
struct SourceEvidence {
  bool any_message = false;          // any line that was a message
  bool any_record_or_state = false;  // of any stream
  bool any_status = false;           // a stream status, of whatever kind
  // Why the source itself says that it failed: a LOG of level FATAL, a TRACE ERROR, a
  // CONNECTION_STATUS of FAILED. Empty when it does not.
  std::string failure;
  bool complete_without_status = false;  // the configuration's member
};

// What it said of one stream.
struct StreamEvidence {
  bool replaced = false;         // the sync replaces its table
  bool ends_with_state = false;  // no record after the last STATE that covers it
};

// Whether the configuration replaces the table: its generation is the lowest that may stay, or an
// overwrite without generation ids.
bool ReplacesTable(const v1::StreamConfig& config);

// Empty when the stream is completed, otherwise why it is not: the rest of a sentence that begins
// with the stream.
std::string FindReasonNotToComplete(const SourceEvidence& source, const StreamEvidence& stream);

}  // namespace syncline::client
