#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/output.h"
#include "client/retry.h"
#include "client/summary_text.h"

namespace syncline::client {
namespace {

std::string ProgressText(const v1::Progress& progress) {
  std::string text = "progress";
  for (const v1::StreamSummary& stream : progress.streams()) {
    absl::StrAppend(&text, "  ", StreamTitle(stream.descriptor()), " ", StateName(stream.state()),
                    " ", stream.records_written(), " rows");
    if (stream.records_rejected() > 0) {
      absl::StrAppend(&text, " ", stream.records_rejected(), " rejected");
    }
  }
  return text;
}

std::string EventText(const v1::WatchSyncResponse& event) {
  switch (event.event_case()) {
    case v1::WatchSyncResponse::kCheckpointCommitted: {
      const v1::CheckpointCommitted& committed = event.checkpoint_committed();
      return absl::StrCat("checkpoint  ", StreamTitle(committed.descriptor()), " ",
                          committed.checkpoint_id(), " at record ", committed.offset(),
                          ", sequence ", committed.sequence());
    }
    case v1::WatchSyncResponse::kProgress:
      return ProgressText(event.progress());
    case v1::WatchSyncResponse::kStreamFinished: {
      const v1::StreamFinished& finished = event.stream_finished();
      return absl::StrCat("stream ended  ", StreamTitle(finished.descriptor()), " ",
                          OutcomeName(finished.outcome()), " ", finished.rows(),
                          " rows, generation ", finished.generation_id());
    }
    case v1::WatchSyncResponse::kSyncFinished:
      return absl::StrCat("sync ", StateName(event.sync_finished().state()));
    case v1::WatchSyncResponse::EVENT_NOT_SET:
      break;
  }
  return "unknown event";
}

}  // namespace

int RunWatch(const CommandLine& command_line) {
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  LineOutput output(STDOUT_FILENO);
  Retry retry(destination->client()->outage(), command_line.Duration("retry_for"));
  int64_t after = command_line.Count("after");
  while (true) {
    // Only the JSON output has the states.
    const auto call =
        destination->client()->WatchSync(command_line.arguments()[0], after, !command_line.Json());
    v1::WatchSyncResponse event;
    while (output.status().ok() && call->Read(&event)) {
      retry.Reset();
      destination->client()->outage()->Succeeded();
      after = std::max(after, event.checkpoint_committed().sequence());
      output.WriteLine(command_line.Json() ? ToJsonLine(event) : EventText(event));
    }
    if (!output.status().ok()) return ReportOutput(output);
    const absl::Status status = call->Finish();
    if (status.ok()) return kExitOk;
    if (const absl::Status waited = retry.WaitAfter(status); !waited.ok()) {
      return ReportSyncFailure(waited, command_line.arguments()[0], *destination);
    }
  }
}

}  // namespace syncline::client
