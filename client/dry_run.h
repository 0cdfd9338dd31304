// What `--dry_run` prints: the table that the input would get, and its first records as they would
// be sent. For use by one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/load_preparation.h"

namespace syncline::client {

// Returns the text or, with --output json, one JSON object on one line. Reads the start of the
// inputs; calls no server, so a table that exists is not considered. Errors: those of reading.
absl::StatusOr<std::string> DryRunText(const LoadPreparation& preparation,
                                       const CommandLine& command_line);

}  // namespace syncline::client
