// Prints why a command failed, and returns its exit code. Any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/destination.h"
#include "client/output.h"

namespace syncline::client {

// Returns kExitOk, or prints why the output could not be written and returns kExitFailed.
int ReportOutput(const LineOutput& output);

// For an error of this process: kExitUsage for usage errors, else kExitFailed.
int ReportFailure(const absl::Status& status);

// For the error of a call to the server at `server`.
int ReportCallFailure(const absl::Status& status, absl::string_view server);

// For the error of a call about the sync `sync_id`. If there is no such sync, suggests one of the
// newest with a similar id, for which it calls the server.
int ReportSyncFailure(const absl::Status& status, absl::string_view sync_id,
                      const Destination& destination);

}  // namespace syncline::client
