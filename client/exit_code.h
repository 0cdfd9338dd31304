// The exit codes of the process.
#pragma once

namespace syncline::client {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitRejected = 3,  // succeeded, but some records were rejected
};

}  // namespace syncline::client
