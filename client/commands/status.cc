#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/report.h"
#include "client/summary_text.h"

namespace syncline::client {

int RunStatus(const CommandLine& command_line) {
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  const auto sync = destination->client()->GetSync(command_line.arguments()[0]);
  if (!sync.ok())
    return ReportSyncFailure(sync.status(), command_line.arguments()[0], *destination);
  LineOutput output(STDOUT_FILENO);
  if (command_line.Json()) {
    output.WriteLine(ToJsonLine(*sync));
  } else {
    output.WriteLine(absl::StripSuffix(FormatSync(*sync), "\n"));
    bool first = true;
    for (const v1::StreamSummary& stream : sync->streams()) {
      for (const ReportEntry& entry : PlanEntries(stream)) {
        output.WriteLine(absl::StrCat(first ? "\n" : "", entry.text));
        first = false;
      }
    }
  }
  return ReportOutput(output);
}

}  // namespace syncline::client
