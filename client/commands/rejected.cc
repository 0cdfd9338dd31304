#include <unistd.h>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/rejected_text.h"

namespace syncline::client {
namespace {

constexpr int32_t kPageSize = 1000;

// Calls `visit` for each rejected record of the sync, page by page.
absl::Status ForEachRejected(SyncClient* client, const std::string& sync_id,
                             absl::FunctionRef<void(const v1::RejectedRecord&)> visit) {
  v1::ListRejectedRecordsRequest request;
  request.set_sync_id(sync_id);
  request.set_page_size(kPageSize);
  do {
    SYNCLINE_ASSIGN_OR_RETURN(const v1::ListRejectedRecordsResponse page,
                              client->ListRejectedRecords(request));
    for (const v1::RejectedRecord& record : page.records()) visit(record);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

// Prints the records in the format of --output.
absl::Status Print(const CommandLine& command_line, SyncClient* client, LineOutput* output) {
  const std::string format = command_line.Text("output");
  RejectedTable table;
  int64_t count = 0;
  int64_t cut = 0;
  const absl::Status listed =
      ForEachRejected(client, command_line.arguments()[0], [&](const v1::RejectedRecord& record) {
        ++count;
        cut += record.raw_truncated() ? 1 : 0;
        if (format == "json") {
          output->WriteLine(ToJsonLine(record));
        } else if (format == "jsonl" && !record.raw_truncated()) {
          output->WriteLine(record.raw());
        } else if (format == "text") {
          table.Add(record);
        }
      });
  SYNCLINE_RETURN_IF_ERROR(listed);
  if (format == "text" && count > 0) output->WriteLine(absl::StripSuffix(table.Format(), "\n"));
  if (count == 0) PrintMessage("no rejected records");
  if (format == "jsonl" && cut > 0) {
    PrintMessage(absl::StrCat(cut, cut == 1 ? " record is" : " records are",
                              " omitted: the ledger does not hold the complete text"));
  }
  return absl::OkStatus();
}

}  // namespace

int RunRejected(const CommandLine& command_line) {
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  LineOutput output(STDOUT_FILENO);
  const absl::Status printed = Print(command_line, destination->client(), &output);
  if (!printed.ok()) return ReportSyncFailure(printed, command_line.arguments()[0], *destination);
  return ReportOutput(output);
}

}  // namespace syncline::client
