#include <unistd.h>

#include "absl/strings/strip.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/summary_text.h"

namespace syncline::client {

int RunCancel(const CommandLine& command_line) {
  const auto client = SyncClient::Create(command_line.Connection());
  if (!client.ok()) {
    PrintMessage(client.status().message());
    return kExitFailed;
  }
  const auto sync = (*client)->CancelSync(command_line.arguments()[0]);
  if (!sync.ok()) {
    PrintMessage(Explain(sync.status(), command_line.Text("server")));
    return kExitFailed;
  }
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(command_line.Json() ? ToJsonLine(*sync)
                                       : absl::StripSuffix(FormatSync(*sync), "\n"));
  return output.status().ok() ? kExitOk : kExitFailed;
}

}  // namespace syncline::client
