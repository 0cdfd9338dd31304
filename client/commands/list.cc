#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/since_time.h"
#include "client/sql_table_name.h"
#include "client/summary_text.h"

namespace syncline::client {
namespace {

constexpr int64_t kMaxPageSize = 1000;

// Returns the request for the first page, with the filters of the command line.
absl::StatusOr<v1::ListSyncsRequest> MakeRequest(const CommandLine& command_line) {
  v1::ListSyncsRequest request;
  if (const std::string state = command_line.Text("state"); !state.empty()) {
    v1::SyncState value = v1::SYNC_STATE_UNSPECIFIED;
    v1::SyncState_Parse(absl::StrCat("SYNC_STATE_", absl::AsciiStrToUpper(state)), &value);
    request.set_state(value);
  }
  if (const std::string table = command_line.Text("table"); !table.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(const SqlTableName name, ParseSqlTableName(table, /*fold=*/true));
    request.set_table_schema(name.schema);
    request.set_table_name(name.table);
  }
  if (const std::string since = command_line.Text("since"); !since.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(const absl::Time time, ParseSince(since, absl::Now()));
    request.mutable_started_since()->set_seconds(std::max<int64_t>(0, absl::ToUnixSeconds(time)));
  }
  return request;
}

absl::StatusOr<std::vector<v1::SyncSummary>> FetchSyncs(SyncClient* client,
                                                        v1::ListSyncsRequest request,
                                                        int64_t limit) {
  std::vector<v1::SyncSummary> syncs;
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
  const auto request = MakeRequest(command_line);
  if (!request.ok()) return ReportFailure(request.status());
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  const auto syncs = FetchSyncs(destination->client(), *request, command_line.Count("limit"));
  if (!syncs.ok()) return ReportCallFailure(syncs.status(), destination->name());
  LineOutput output(STDOUT_FILENO);
  if (command_line.Json()) {
    for (const v1::SyncSummary& sync : *syncs) output.WriteLine(ToJsonLine(sync));
  } else {
    output.WriteLine(absl::StripSuffix(FormatSyncs(*syncs, absl::Now()), "\n"));
  }
  return ReportOutput(output);
}

}  // namespace syncline::client
