#include <unistd.h>

#include <algorithm>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/summary_text.h"

namespace syncline::client {
namespace {

constexpr int64_t kMaxPageSize = 1000;

absl::StatusOr<std::vector<v1::SyncSummary>> FetchSyncs(SyncClient* client, int64_t limit) {
  std::vector<v1::SyncSummary> syncs;
  v1::ListSyncsRequest request;
  while (static_cast<int64_t>(syncs.size()) < limit) {
    const int64_t left = limit - static_cast<int64_t>(syncs.size());
    request.set_page_size(static_cast<int32_t>(std::min(left, kMaxPageSize)));
    SYNCLINE_ASSIGN_OR_RETURN(const v1::ListSyncsResponse page, client->ListSyncs(request));
    syncs.insert(syncs.end(), page.syncs().begin(), page.syncs().end());
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return syncs;
}

}  // namespace

int RunList(const CommandLine& command_line) {
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  const auto syncs = FetchSyncs(destination->client(), command_line.Count("limit"));
  if (!syncs.ok()) return ReportCallFailure(syncs.status(), destination->name());
  LineOutput output(STDOUT_FILENO);
  if (command_line.Json()) {
    for (const v1::SyncSummary& sync : *syncs) output.WriteLine(ToJsonLine(sync));
  } else {
    output.WriteLine(absl::StripSuffix(FormatSyncs(*syncs, absl::Now()), "\n"));
  }
  return output.status().ok() ? kExitOk : kExitFailed;
}

}  // namespace syncline::client
