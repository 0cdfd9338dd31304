#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/report.h"
#include "client/summary_text.h"

namespace syncline::client {

int RunStatus(const CommandLine& command_line) {
  const auto client = SyncClient::Create(command_line.Connection());
  if (!client.ok()) {
    PrintMessage(client.status().message());
    return kExitFailed;
  }
  const auto sync = (*client)->GetSync(command_line.arguments()[0]);
  if (!sync.ok()) {
    PrintMessage(Explain(sync.status(), command_line.Text("server")));
    return kExitFailed;
  }
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
  return output.status().ok() ? kExitOk : kExitFailed;
}

}  // namespace syncline::client
