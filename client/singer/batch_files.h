// Reads the files of a Singer BATCH: JSON lines, plain or compressed with gzip.
//
// Blocks; for use by one thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/sources/record_source.h"

namespace syncline::client {

// Calls `sink` for each record of the file that `url` (file:///path) names, in order. Errors:
// INVALID_ARGUMENT SINGER_BATCH, which names the file and the line, if it is not such a file; those
// of `sink`; CANCELLED if the user interrupts.
absl::Status ReadBatchFile(const std::string& url, RecordSource::Sink sink);

}  // namespace syncline::client
