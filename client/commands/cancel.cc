#include <unistd.h>

#include "absl/strings/strip.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/summary_text.h"

namespace syncline::client {

int RunCancel(const CommandLine& command_line) {
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  const auto sync = destination->client()->CancelSync(command_line.arguments()[0]);
  if (!sync.ok())
    return ReportSyncFailure(sync.status(), command_line.arguments()[0], *destination);
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(command_line.Json() ? ToJsonLine(*sync)
                                       : absl::StripSuffix(FormatSync(*sync), "\n"));
  return ReportOutput(output);
}

}  // namespace syncline::client
