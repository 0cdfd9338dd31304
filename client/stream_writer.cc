#include "client/stream_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/call_error.h"

namespace syncline::client {
namespace {

// Returns the error of a call that ended with OK without all of its records.
absl::Status EndedEarly() {
  return MakeError(absl::StatusCode::kInternal,
                   "the call ended before all of its records were committed",
                   {.retry_after = absl::ZeroDuration()});
}

}  // namespace

int64_t DurableOffset(const v1::StreamPlan& plan, absl::string_view writer_id) {
  for (const v1::WriterPosition& writer : plan.writers()) {
    if (writer.writer_id() == writer_id) return writer.durable_offset();
  }
  return 0;
}

std::optional<int64_t> WriterEpoch(const v1::StreamPlan& plan, absl::string_view writer_id) {
  for (const v1::WriterPosition& writer : plan.writers()) {
    if (writer.writer_id() != writer_id) continue;
    // A writer that the ledger has was opened at least once.
    if (writer.epoch() == 0) return std::nullopt;
    return writer.epoch();
  }
  return 0;
}

StreamWriter::StreamWriter(SyncClient* client, ReplayWindow* window, StreamWriterOptions options)
    : client_(client),
      window_(window),
      options_(std::move(options)),
      next_offset_(options_.next_offset),
      retry_(client->outage(), options_.retry_for, options_.epochs.sole_caller()),
      epochs_(options_.epochs),
      durable_offset_(options_.next_offset) {}

StreamWriter::~StreamWriter() {
  Cancel();  // before the members that answers use
  if (window_ != nullptr) window_->Release(held_bytes());
}

absl::Status StreamWriter::Send(std::unique_ptr<v1::AppendRecordsRequest> batch, int64_t records) {
  batch->mutable_batch()->set_first_offset(next_offset_);
  for (v1::UnreadableRecord& unreadable : *batch->mutable_batch()->mutable_unreadable()) {
    unreadable.set_offset(unreadable.offset() + next_offset_);
  }
  next_offset_ += records;
  return Deliver(std::move(batch));
}

absl::Status StreamWriter::SendCheckpoint(const v1::Checkpoint& checkpoint) {
  auto request = std::make_unique<v1::AppendRecordsRequest>();
  *request->mutable_checkpoint() = checkpoint;
  return Deliver(std::move(request));
}

absl::Status StreamWriter::Deliver(std::unique_ptr<v1::AppendRecordsRequest> request) {
  SYNCLINE_RETURN_IF_ERROR(broken_);
  const std::shared_ptr<const v1::AppendRecordsRequest> shared = std::move(request);
  const bool opened = call_ != nullptr || Open();
  if (window_ != nullptr) {
    const auto bytes = static_cast<int64_t>(shared->ByteSizeLong());
    window_->Take(bytes);
    MutexLock lock(&mutex_);
    sent_.push_back({shared, next_offset_, bytes, /*stored=*/false});
    held_bytes_ += bytes;
  }
  if (opened && call_->Write(shared)) return absl::OkStatus();
  return Recover(FinishCall());
}

bool StreamWriter::Open() {
  call_ =
      client_->AppendRecords([this](const v1::AppendRecordsResponse& answer) { OnAnswer(answer); });
  v1::AppendRecordsRequest request;
  v1::StreamHeader* const header = request.mutable_header();
  header->set_sync_id(options_.start.sync_id());
  *header->mutable_descriptor() = options_.descriptor;
  header->set_writer_id(options_.writer_id);
  header->set_plan_version(options_.plan_version);
  {
    MutexLock lock(&mutex_);
    if (const auto expected = epochs_.expected()) header->set_expected_epoch(*expected);
    epochs_.CallBegins();
  }
  return call_->Write(std::move(request));
}

absl::Status StreamWriter::FinishCall() {
  const auto response = std::exchange(call_, nullptr)->Finish();
  MutexLock lock(&mutex_);
  if (response.ok()) durable_offset_ = std::max(durable_offset_, response->durable_offset());
  epochs_.CallEnded(response.status());
  return response.status();
}

void StreamWriter::OnAnswer(const v1::AppendRecordsResponse& answer) {
  if (answer.has_opened()) {
    MutexLock lock(&mutex_);
    epochs_.CallOpened(answer.opened().epoch());
  }
  Acknowledge(answer.durable_offset(), answer.last_checkpoint_id());
  if (options_.on_durable) {
    options_.on_durable(answer.durable_offset(), answer.last_checkpoint_id());
  }
}

absl::Status StreamWriter::Close() {
  SYNCLINE_RETURN_IF_ERROR(broken_);
  while (call_ != nullptr) {
    absl::Status ended = FinishCall();
    if (ended.ok() && durable_offset() >= next_offset_) {
      ReleaseAll();  // the checkpoints are in the ledger, too
      retry_.Reset();
      return absl::OkStatus();
    }
    if (ended.ok()) ended = EndedEarly();
    SYNCLINE_RETURN_IF_ERROR(Recover(std::move(ended)));
  }
  return absl::OkStatus();
}

void StreamWriter::UsePlan(v1::StartSyncRequest start, int64_t plan_version) {
  options_.start = std::move(start);
  options_.plan_version = plan_version;
}

void StreamWriter::ReleaseAll() {
  int64_t released = 0;
  {
    MutexLock lock(&mutex_);
    sent_.clear();
    released = std::exchange(held_bytes_, 0);
  }
  if (window_ != nullptr) window_->Release(released);
}

// Returns OK with a new call on which everything was resent, or returns the error that ends the
// writer.
absl::Status StreamWriter::Recover(absl::Status error) {
  broken_ = RecoverOnce(std::move(error));
  if (!broken_.ok()) ReleaseAll();  // nothing will be resent
  return broken_;
}

absl::Status StreamWriter::RecoverOnce(absl::Status error) {
  if (error.ok()) {
    // The server responded before the call was half-closed, which only a bug in the server does.
    error = absl::InternalError("the server ended the call while records were being sent");
  }
  while (true) {
    if (window_ == nullptr) return error;
    SYNCLINE_RETURN_IF_ERROR(retry_.WaitAfter(error, epochs().opened()));
    const auto durable = FetchDurableOffset();
    if (!durable.ok()) {
      error = durable.status();
      continue;
    }
    if (*durable > durable_offset()) retry_.Reset();
    if (*durable < durable_offset()) {
      return absl::DataLossError(absl::StrCat("the server had committed ", durable_offset(),
                                              " records but now reports only ", *durable,
                                              " of them"));
    }
    Acknowledge(*durable);
    if (ResendAll()) return absl::OkStatus();
    error = FinishCall();
  }
}

bool StreamWriter::ResendAll() {
  if (!Open()) return false;
  std::vector<std::shared_ptr<const v1::AppendRecordsRequest>> requests;
  {
    MutexLock lock(&mutex_);
    for (const Sent& sent : sent_) requests.push_back(sent.request);
  }
  return std::all_of(requests.begin(), requests.end(),
                     [this](const auto& request) { return call_->Write(request); });
}

absl::StatusOr<int64_t> StreamWriter::FetchDurableOffset() {
  SYNCLINE_ASSIGN_OR_RETURN(const v1::StartSyncResponse response,
                            client_->StartSync(options_.start));
  for (const v1::StreamPlan& plan : response.streams()) {
    if (IsSameStream(plan.descriptor(), options_.descriptor)) {
      if (plan.has_error()) return FromRpc(plan.error());
      MutexLock lock(&mutex_);
      epochs_.Resume(WriterEpoch(plan, options_.writer_id));
      return DurableOffset(plan, options_.writer_id);
    }
  }
  return absl::InternalError("the server's plan does not include the stream");
}

void StreamWriter::Acknowledge(int64_t durable_offset, absl::string_view checkpoint_id) {
  int64_t released = 0;
  {
    MutexLock lock(&mutex_);
    durable_offset_ = std::max(durable_offset_, durable_offset);
    // Answers repeat the id until there is a newer one.
    if (!checkpoint_id.empty() && checkpoint_id != last_checkpoint_id_) {
      last_checkpoint_id_ = std::string(checkpoint_id);
      MarkStored(checkpoint_id);
    }
    const auto is_done = [durable = durable_offset_](const Sent& sent) {
      return sent.request->has_checkpoint() ? sent.stored : sent.end_offset <= durable;
    };
    for (; !sent_.empty() && is_done(sent_.front()); sent_.pop_front()) {
      released += sent_.front().bytes;
    }
    held_bytes_ -= released;
  }
  if (window_ != nullptr) window_->Release(released);
}

void StreamWriter::MarkStored(absl::string_view checkpoint_id) {
  const auto newest = std::find_if(sent_.begin(), sent_.end(), [&](const Sent& sent) {
    return sent.request->checkpoint().checkpoint_id() == checkpoint_id;
  });
  if (newest == sent_.end()) return;
  for (auto sent = sent_.begin(); sent <= newest; ++sent) sent->stored = true;
}

int64_t StreamWriter::durable_offset() const {
  MutexLock lock(&mutex_);
  return durable_offset_;
}

WriterEpochs StreamWriter::epochs() const {
  MutexLock lock(&mutex_);
  return epochs_;
}

int64_t StreamWriter::held_bytes() const {
  MutexLock lock(&mutex_);
  return held_bytes_;
}

}  // namespace syncline::client
