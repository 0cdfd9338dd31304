// What `--dry_run` prints: the table that the input would get or what an existing one would change,
// and the first records as they would be sent. For use by one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/load_preparation.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Returns the text or, with --output json, one JSON object on one line. Reads the start of the
// inputs, until it has enough records. `plan` is what the server plans for the load, or null if it
// could not be asked; then a table that exists is not considered. Errors: those of reading.
absl::StatusOr<std::string> DryRunText(const LoadPreparation& preparation,
                                       const CommandLine& command_line, const v1::StreamPlan* plan);

}  // namespace syncline::client
