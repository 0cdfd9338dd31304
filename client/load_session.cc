#include "client/load_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "client/rejected_reasons.h"
#include "client/retrying_calls.h"

namespace syncline::client {

LoadSession::LoadSession(SyncClient* client, LoadOptions options, std::vector<LoadSource> sources,
                         ProgressLine* progress)
    : client_(client),
      options_(std::move(options)),
      window_(options_.replay_window_bytes),
      progress_(progress),
      read_(sources.size()) {
  for (size_t i = 0; i < sources.size(); ++i) {
    loads_.push_back(std::make_unique<WriterLoad>(
        client_, &options_, std::move(sources[i]), &window_,
        [this, i](int64_t records, int64_t bytes) { ShowProgress(i, records, bytes); }));
  }
}

LoadReport LoadSession::Run() {
  report_.status = RunToEnd();
  progress_->Clear();
  // Without the summary the report could not include the number of rejected records. After a
  // failure this does not wait for the server.
  report_.status.Update(
      ReadSummary(report_.status.ok() ? options_.retry_for : absl::ZeroDuration()));
  return report_;
}

// Reads the ledger's summary of the stream, with the reasons of rejected records and their lines.
absl::Status LoadSession::ReadSummary(absl::Duration retry_for) {
  const std::string& sync_id = options_.start.sync_id();
  SYNCLINE_ASSIGN_OR_RETURN(const v1::SyncSummary sync,
                            GetSyncWithRetries(client_, sync_id, retry_for));
  if (sync.streams_size() != 1) return absl::OkStatus();
  report_.stream.summary = sync.streams(0);
  if (report_.stream.summary.records_rejected() == 0) return absl::OkStatus();
  auto reasons = ReadRejectedReasons(client_, sync_id, options_.start.streams(0).descriptor());
  if (!reasons.ok()) return absl::OkStatus();  // the summary has their number
  report_.stream.rejected = *std::move(reasons);
  for (RejectedReason& reason : report_.stream.rejected) FindLine(&reason);
  return absl::OkStatus();
}

// The lines of records that other processes sent are not known.
void LoadSession::FindLine(RejectedReason* reason) const {
  for (const auto& load : loads_) {
    if (load->source().writer_id != reason->first_writer) continue;
    reason->first_line = load->lines().FindLine(reason->first_offset).value_or(0);
    if (loads_.size() > 1) reason->first_file = load->source().name;
  }
}

absl::Status LoadSession::RunToEnd() {
  SYNCLINE_RETURN_IF_ERROR(Start());
  if (report_.completed_before) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Collect(LoadAll()));
  if (report_.interrupted || options_.keep_open) return absl::OkStatus();
  return End();
}

// Gets the plan and the writers' durable offsets.
absl::Status LoadSession::Start() {
  SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse started,
                            StartSyncWithRetries(client_, options_.start, options_.retry_for));
  if (started.streams_size() != 1) {
    return absl::InternalError("the server's plan does not match the request");
  }
  report_.stream.plan = started.streams(0);
  for (const auto& load : loads_) {
    load->Begin(started);
    report_.durable_offset += load->durable_offset();
  }
  if (!started.resumed()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const v1::SyncSummary before,
      GetSyncWithRetries(client_, options_.start.sync_id(), options_.retry_for));
  report_.completed_before =
      before.streams_size() == 1 && before.streams(0).state() == v1::STREAM_STATE_COMPLETED;
  return absl::OkStatus();
}

// Runs all writers. After the first error no further one is started. Returns that error.
absl::Status LoadSession::LoadAll() {
  Mutex mutex;
  size_t next = 0;
  absl::Status first_error;
  const auto work = [&] {
    while (true) {
      WriterLoad* load = nullptr;
      {
        MutexLock lock(&mutex);
        if (next == loads_.size() || !first_error.ok()) return;
        load = loads_[next++].get();
      }
      const absl::Status status = load->Run();
      MutexLock lock(&mutex);
      first_error.Update(status);
      if (load->interrupted()) next = loads_.size();
    }
  };
  std::vector<std::unique_ptr<Thread>> threads;
  for (size_t i = 1; i < std::min(loads_.size(), kMaxParallelInputs); ++i) {
    threads.push_back(std::make_unique<Thread>(absl::StrCat("load-", i), work));
  }
  work();
  threads.clear();
  return first_error;
}

void LoadSession::ShowProgress(size_t index, int64_t records, int64_t bytes) {
  const int64_t rows = std::max<int64_t>(0, records - loads_[index]->skipped());
  MutexLock lock(&progress_mutex_);
  read_[index] = {rows, bytes};
  ProgressFigures figures;
  bool known = true;
  for (size_t i = 0; i < read_.size(); ++i) {
    figures.rows += read_[i].first;
    figures.bytes += read_[i].second;
    const LoadSource& source = loads_[i]->source();
    figures.total_bytes += source.size;
    known = known && source.position != nullptr;  // an empty file has a known size
  }
  if (!known) figures.total_bytes = 0;
  progress_->Update(figures);
}

// Adds up what the writers did. Returns the error that ended the load.
absl::Status LoadSession::Collect(const absl::Status& loaded) {
  report_.durable_offset = 0;
  bool input_is_faulty = false;
  for (const auto& load : loads_) {
    report_.durable_offset += load->durable_offset();
    report_.skipped += load->skipped();
    report_.interrupted = report_.interrupted || load->interrupted();
    input_is_faulty = input_is_faulty || !load->input_fault().ok();
  }
  // A replaced table needs the whole input, and the records that were read must not be published
  // by the next load.
  if (input_is_faulty && options_.end_rules.replace && !options_.keep_open) {
    SYNCLINE_RETURN_IF_ERROR(Discard());
  }
  return loaded;
}

v1::CompleteStreamRequest LoadSession::Completion(v1::StreamStatus status) const {
  v1::CompleteStreamRequest request;
  request.set_sync_id(options_.start.sync_id());
  *request.mutable_descriptor() = options_.start.streams(0).descriptor();
  request.set_status(status);
  return request;
}

// Publishes the stream unless a rule or the guard forbids it.
absl::Status LoadSession::End() {
  if (options_.staged) {
    SYNCLINE_RETURN_IF_ERROR(ReadSummary(options_.retry_for));
    const bool cut = std::any_of(loads_.begin(), loads_.end(),
                                 [](const auto& load) { return load->ends_inside_record(); });
    report_.refused = FindReasonNotToPublish(options_.end_rules, report_.stream, cut);
    if (!report_.refused.empty()) return Discard();
  }
  if (options_.validate_only) return Validate();
  const absl::Status completed = Complete();
  const std::string reason = GetReason(completed);
  if (reason != reason::kPublishGuard && reason != reason::kAllRejected) return completed;
  report_.refused = std::string(completed.message());
  return Discard();
}

absl::Status LoadSession::Complete() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_COMPLETE);
  // This process cannot count the records of other processes.
  if (!options_.other_writers) {
    int64_t records = 0;
    for (const auto& load : loads_) records += load->records();
    request.set_expected_records(records);
  }
  *request.mutable_guard() = options_.start.streams(0).guard();
  return CompleteStreamWithRetries(client_, request, options_.retry_for).status();
}

absl::Status LoadSession::Validate() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_COMPLETE);
  request.set_validate_only(true);
  *request.mutable_guard() = options_.start.streams(0).guard();
  SYNCLINE_ASSIGN_OR_RETURN(const v1::CompleteStreamResponse response,
                            CompleteStreamWithRetries(client_, request, options_.retry_for));
  report_.validation = response.validation();
  return Discard();
}

// Ends the stream and discards the records that it staged, so that the next load does not publish
// them. Records that earlier loads staged are kept.
absl::Status LoadSession::Discard() {
  v1::CompleteStreamRequest request = Completion(v1::STREAM_STATUS_INCOMPLETE);
  request.set_discard_staged(true);
  request.set_keep_earlier(true);
  SYNCLINE_ASSIGN_OR_RETURN(const v1::CompleteStreamResponse response,
                            CompleteStreamWithRetries(client_, request, options_.retry_for));
  report_.earlier_rows_kept = response.outcome() == v1::OUTCOME_KEPT_FOR_RESUME;
  return absl::OkStatus();
}

}  // namespace syncline::client
