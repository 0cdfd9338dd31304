#include <unistd.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "client/airbyte/config.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/open_destination.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/output.h"

namespace syncline::client {
namespace {

// ListSyncs fails if our credentials, the ledger or the database have a problem; the health check
// fails if the server takes no calls.
absl::Status CheckServer(SyncClient* client) {
  v1::ListSyncsRequest request;
  request.set_page_size(1);
  SYNCLINE_RETURN_IF_ERROR(client->ListSyncs(request).status());
  return client->CheckHealth();
}

// Returns what is wrong, or an empty string.
std::string FindFault(const std::string& config_file) {
  const auto text = ReadFile(config_file);
  if (!text.ok()) return std::string(text.status().message());
  const auto config = ReadConfig(*text);
  if (!config.ok()) return "invalid configuration: " + std::string(config.status().message());
  const auto destination = OpenDestination(*config);
  if (!destination.ok()) return std::string(destination.status().message());
  const absl::Status status = CheckServer(destination->client());
  return status.ok() ? "" : Explain(status, destination->name(), Frontend::kConnector);
}

}  // namespace

int RunCheck(const CommandLine& command_line) {
  const std::string fault = FindFault(command_line.Text("config"));
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(ConnectionStatusMessage(fault.empty(), fault));
  if (!fault.empty()) PrintMessage(fault);
  const int written = ReportOutput(output);
  return fault.empty() ? written : kExitFailed;
}

}  // namespace syncline::client
