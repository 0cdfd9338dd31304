// TargetSession: ends the streams and the sync, and collects the report.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/thread_pool.h"
#include "client/call_error.h"
#include "client/rejected_reasons.h"
#include "client/retrying_calls.h"
#include "client/singer/target_session.h"

namespace syncline::client {
namespace {

constexpr int kEndingThreads = 4;

}  // namespace

absl::Status TargetSession::EndStreams(const absl::Status& read) {
  if (IsRetryableCall(read)) return read;  // the server is gone; do not wait for it again
  absl::Status status = read;
  if (read.ok() && !interrupted_) status = PrepareEnd();
  const absl::Status closed = CloseAll();
  status.Update(closed);
  const bool whole = status.ok() && !interrupted_;
  const bool holds = options_.config.load_method == LoadMethod::kOverwrite;
  if (closed.ok() && !holds) states_.CommitAll();
  if (IsRetryableCall(status)) return status;
  Mutex mutex;
  absl::Status ended;
  ThreadPool pool("ending", kEndingThreads);
  for (const TargetStream* const stream : planned_streams_) {
    const std::string reason =
        whole ? FindReasonNotToComplete(options_.config, *stream, end_) : "the run was stopped";
    pool.Post([this, stream, reason, &mutex, &ended] {
      const absl::Status one = Complete(*stream, reason);
      MutexLock lock(&mutex);
      ended.Update(one);
    });
  }
  pool.Shutdown();
  status.Update(ended);
  if (status.ok() && holds && !HasIncomplete() && !interrupted_) states_.CommitAll();
  const absl::Status finished = FinishSync();
  status.Update(finished);
  return status;
}

// Streams without records are planned now, and versions take effect.
absl::Status TargetSession::PrepareEnd() {
  for (const auto& [name, stream] : streams_) {
    if (!stream->planned()) SYNCLINE_RETURN_IF_ERROR(Plan(stream.get()));
    const bool marks = MarksOlderRows(options_.config, *stream);
    const bool planned = stream->config.older_generations() == v1::OLDER_GENERATIONS_MARK_DELETED;
    if (marks && !planned) SYNCLINE_RETURN_IF_ERROR(Replan(stream.get()));
  }
  return absl::OkStatus();
}

// Also after an error: what precedes it is committed.
absl::Status TargetSession::CloseAll() {
  absl::Status status = FlushAll();
  status.Update(SendCheckpoint());
  for (TargetStream* const stream : planned_streams_) status.Update(CloseCall(stream));
  return status;
}

v1::CompleteStreamRequest TargetSession::MakeCompletion(const TargetStream& stream) const {
  v1::CompleteStreamRequest request;
  request.set_sync_id(options_.sync_id);
  *request.mutable_descriptor() = stream.config.descriptor();
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_expected_records(stream.records);
  return request;
}

absl::StatusOr<bool> TargetSession::RemovesRows(const TargetStream& stream) {
  v1::CompleteStreamRequest request = MakeCompletion(stream);
  request.set_validate_only(true);
  SYNCLINE_ASSIGN_OR_RETURN(const v1::CompleteStreamResponse response,
                            CompleteStreamWithRetries(client_, request, options_.retry_for));
  return response.validation().rows_deleted() > 0;
}

absl::Status TargetSession::Complete(const TargetStream& stream, const std::string& reason) {
  v1::CompleteStreamRequest request = MakeCompletion(stream);
  std::string incomplete = reason;
  // Without ACTIVATE_VERSION nothing is removed. A table that has the version already only grows.
  if (incomplete.empty() && !stream.activated && ReplacesTable(options_.config, stream) &&
      options_.config.load_method != LoadMethod::kOverwrite) {
    SYNCLINE_ASSIGN_OR_RETURN(const bool removes, RemovesRows(stream));
    if (removes) incomplete = "the tap sent no ACTIVATE_VERSION, without which no row is removed";
  }
  if (!incomplete.empty()) {
    MutexLock lock(&mutex_);
    incomplete_.push_back({stream.name, incomplete});
    request.set_status(v1::STREAM_STATUS_INCOMPLETE);
    request.clear_expected_records();
    // The next run replaces the table by another generation.
    request.set_discard_staged(options_.config.load_method == LoadMethod::kOverwrite);
  }
  const absl::Status completed =
      CompleteStreamWithRetries(client_, request, options_.retry_for).status();
  return completed.ok() ? completed : WithContext(completed, absl::StrCat("stream ", stream.name));
}

bool TargetSession::HasIncomplete() {
  MutexLock lock(&mutex_);
  return !incomplete_.empty();
}

absl::Status TargetSession::FinishSync() {
  if (planned_streams_.empty()) return absl::OkStatus();
  v1::StartSyncRequest request;
  request.set_sync_id(options_.sync_id);
  request.set_connection_id(options_.config.destination.connection_id);
  request.set_extend(true);
  return StartSyncWithRetries(client_, request, options_.retry_for).status();
}

// After a failure this does not wait for the server.
void TargetSession::AddLedgerReport(TargetReport* report) {
  if (planned_streams_.empty()) return;
  const absl::Duration retry_for = report->status.ok() ? options_.retry_for : absl::ZeroDuration();
  const auto summary = GetSyncWithRetries(client_, options_.sync_id, retry_for);
  report->status.Update(summary.status());
  for (const TargetStream* const planned : planned_streams_) {
    StreamReport& stream = report->streams.emplace_back();
    stream.plan = planned->plan;
    if (!summary.ok()) continue;
    for (const v1::StreamSummary& one : summary->streams()) {
      if (IsSameStream(one.descriptor(), planned->config.descriptor())) stream.summary = one;
    }
    report->rejected += stream.summary.records_rejected();
    if (stream.summary.records_rejected() == 0) continue;
    auto reasons = ReadRejectedReasons(client_, options_.sync_id, planned->config.descriptor());
    if (reasons.ok()) stream.rejected = *std::move(reasons);
  }
}

}  // namespace syncline::client
