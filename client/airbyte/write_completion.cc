#include "client/airbyte/write_completion.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/retrying_calls.h"

namespace syncline::client {

absl::Status EndStream(SyncClient* client, const v1::CompleteStreamRequest& request,
                       absl::Duration retry_for) {
  return CompleteStreamWithRetries(client, request, retry_for).status();
}

absl::Status EndStreamStrictly(SyncClient* client, const v1::CompleteStreamRequest& request,
                               const v1::StreamPlan& plan, bool keep_open,
                               absl::Duration retry_for) {
  SYNCLINE_ASSIGN_OR_RETURN(const v1::SyncSummary sync,
                            GetSyncWithRetries(client, request.sync_id(), retry_for));
  StreamReport report;
  report.plan = plan;
  for (const v1::StreamSummary& stream : sync.streams()) {
    if (IsSameStream(stream.descriptor(), request.descriptor())) report.summary = stream;
  }
  std::string faults;
  for (const ReportEntry& entry : RecordEntries(report)) {
    absl::StrAppend(&faults, faults.empty() ? "" : "; ", entry.text);
  }
  if (faults.empty()) {
    // The server counts again under its own locks.
    v1::CompleteStreamRequest guarded = request;
    guarded.mutable_guard()->set_max_rejected(0);
    guarded.mutable_guard()->set_max_nulled(0);
    return EndStream(client, guarded, retry_for);
  }
  if (!keep_open) {
    v1::CompleteStreamRequest incomplete = request;
    incomplete.set_status(v1::STREAM_STATUS_INCOMPLETE);
    incomplete.clear_expected_records();
    EndStream(client, incomplete, retry_for).IgnoreError();
  }
  return absl::FailedPreconditionError(absl::StrCat("not completed because of --strict: ", faults));
}

}  // namespace syncline::client
