// The end of a run: decides which streams are completed, and collects the report.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/airbyte/stream_ends.h"
#include "client/airbyte/write_completion.h"
#include "client/airbyte/write_session.h"
#include "client/call_error.h"
#include "client/rejected_reasons.h"
#include "client/retrying_calls.h"

namespace syncline::client {

WriteReport WriteSession::Run(LineReader* input, ProgressLine* progress) {
  const absl::Status pumped = ReadInput(input, progress);
  progress->Clear();
  EndAll(pumped);
  pool_->Shutdown();
  // Afterwards every state that may be emitted has been emitted.
  for (const auto& lane : lanes_) lane->writer->Cancel();
  WriteReport report;
  report.records = records_;
  report.ignored_messages = ignored_messages_;
  report.withheld_states = states_.withheld();
  report.foreign_lines = foreign_lines_;
  report.first_foreign_line = first_foreign_line_;
  report.interrupted = interrupted_;
  report.incomplete = incomplete_;
  report.status = pumped.ok() ? run_failure() : pumped;
  {
    MutexLock lock(&mutex_);
    for (const auto& [index, status] : lane_failures_) {
      const WriteLane& lane = *lanes_[static_cast<size_t>(index)];
      report.failures.push_back({lane.source, lane.title, status, lane.skipped});
    }
  }
  for (const auto& lane : lanes_) report.durable += lane->writer->durable_offset();
  AddLedgerReport(&report);
  return report;
}

// The ledger's counts are needed for the number of rejected records. After a failure this does not
// wait for the server.
void WriteSession::AddLedgerReport(WriteReport* report) {
  const absl::Duration retry_for = report->status.ok() ? options_.retry_for : absl::ZeroDuration();
  const auto summary = GetSyncWithRetries(client_, options_.sync_id, retry_for);
  report->status.Update(summary.status());
  for (const auto& lane : lanes_) {
    StreamReport& stream = report->streams.emplace_back();
    stream.plan = lane->plan;
    if (!summary.ok()) continue;
    for (const v1::StreamSummary& one : summary->streams()) {
      if (IsSameStream(one.descriptor(), lane->target)) stream.summary = one;
    }
    report->rejected += stream.summary.records_rejected();
    if (stream.summary.records_rejected() == 0) continue;
    auto reasons = ReadRejectedReasons(client_, options_.sync_id, lane->target);
    if (reasons.ok()) stream.rejected = *std::move(reasons);
  }
}

// The lane's batch must be empty. From here on only the pool uses the lane.
void WriteSession::EndLane(WriteLane* lane, v1::StreamStatus status, const std::string& reason) {
  lane->phase = WriteLane::Phase::kEnding;
  if (status == v1::STREAM_STATUS_INCOMPLETE)
    incomplete_.push_back({lane->source, lane->title, reason});
  pool_->Post([this, lane, status, expected = lane->seen] {
    absl::Status ended = Drain(lane);
    if (ended.ok() && status != v1::STREAM_STATUS_UNSPECIFIED) {
      ended = Complete(*lane, status, expected);
    }
    // run_failure() reports the first error.
    if (!ended.ok()) Contain(lane, ended).IgnoreError();
  });
}

void WriteSession::EndAll(const absl::Status& pumped) {
  if (IsRetryableCall(pumped)) return;  // the server is gone; do not wait for it again
  const bool stopped = !pumped.ok() || interrupted_;
  // A run that may be resumed with its sync id must find the streams open.
  const bool keep_open = stopped && (options_.resumable || interrupted_);
  evidence_.any_record_or_state = evidence_.any_record_or_state || records_ > 0;
  states_.SendForAll().IgnoreError();  // one that ends the run is in run_failure_
  for (const auto& lane : lanes_) {
    if (lane->phase != WriteLane::Phase::kOpen || !Flush(lane.get()).ok()) continue;
    if (lane->failed) {
      if (!lane->plan.has_error() && !options_.resumable) GiveUp(lane.get());
      continue;
    }
    const std::string reason =
        stopped
            ? "the run was stopped"
            : FindReasonNotToComplete(evidence_, {lane->replaced, lane->state_at == lane->seen});
    EndLane(lane.get(),
            keep_open        ? v1::STREAM_STATUS_UNSPECIFIED
            : reason.empty() ? v1::STREAM_STATUS_COMPLETE
                             : v1::STREAM_STATUS_INCOMPLETE,
            reason);
  }
}

// The staged records of a stream that broke are kept for the next sync. The error to report is the
// stream's own, so that of this call is ignored.
void WriteSession::GiveUp(WriteLane* lane) {
  lane->phase = WriteLane::Phase::kEnding;
  pool_->Post(
      [this, lane] { Complete(*lane, v1::STREAM_STATUS_INCOMPLETE, lane->seen).IgnoreError(); });
}

absl::Status WriteSession::Complete(const WriteLane& lane, v1::StreamStatus status,
                                    int64_t expected) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(options_.sync_id);
  *request.mutable_descriptor() = lane.target;
  request.set_status(status);
  if (status == v1::STREAM_STATUS_INCOMPLETE) {
    return EndStream(client_, request, options_.retry_for);
  }
  request.set_expected_records(expected);
  SYNCLINE_RETURN_IF_ERROR(
      options_.strict
          ? EndStreamStrictly(client_, request, lane.plan, options_.resumable, options_.retry_for)
          : EndStream(client_, request, options_.retry_for));
  states_.Completed(lane);
  return absl::OkStatus();
}

}  // namespace syncline::client
