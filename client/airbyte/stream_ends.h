// Decides whether a stream is completed at the end of the source's messages.
//
// A table must not be replaced by nothing or by a part of its rows because the source failed. Not
// used for a stream that the source ended with a status. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "syncline/v1/stream.pb.h"

namespace syncline::client {

// Evidence from the whole input.
struct SourceEvidence {
  bool any_message = false;          // any Airbyte message
  bool any_record_or_state = false;  // of any stream
  bool any_status = false;           // a stream status of any kind
  // The failure that the source reported: a LOG of level FATAL, a TRACE ERROR or a
  // CONNECTION_STATUS of FAILED. Empty if it reported none.
  std::string failure;
  bool complete_without_status = false;  // as configured
};

// Evidence about one stream.
struct StreamEvidence {
  bool replaced = false;         // the sync replaces its table
  bool ends_with_state = false;  // no record after the last STATE that covers it
};

// Returns whether the configuration replaces the table: its minimum generation is its generation,
// or it is an overwrite without generation ids.
bool ReplacesTable(const v1::StreamConfig& config);

// Returns an empty string if the stream is completed, otherwise the reason: the end of a sentence
// that begins with the stream.
std::string FindReasonNotToComplete(const SourceEvidence& source, const StreamEvidence& stream);

}  // namespace syncline::client
