// A SyncService in memory, to test the client when calls break. It keeps offsets like the real
// service, commits on request, and fails on demand. It replaces only the network: how rows are
// stored is tested against the real server.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/mutex.h"
#include "client/sync_client.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::client {

inline grpc::Status ErrorWithReason(grpc::StatusCode code, const std::string& reason,
                                    bool retry = false) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  status.add_details()->PackFrom(info);
  if (retry) {
    google::rpc::RetryInfo retry_info;
    retry_info.mutable_retry_delay()->set_nanos(1000000);
    status.add_details()->PackFrom(retry_info);
  }
  return grpc::Status(code, "made to fail", status.SerializeAsString());
}

class FakeSyncService : public v1::SyncService::Service {
 public:
  struct Stream {
    std::vector<std::string> committed;  // lines
    v1::StreamStatus ended = v1::STREAM_STATUS_UNSPECIFIED;
    int64_t expected = -1;
    int64_t rejected = 0;  // count in the summary
    bool discarded = false;
    int64_t epoch = 0;
  };

  // The end of an AppendRecords call after it has read that many batches. Failures are used in
  // order, one per call.
  struct Failure {
    int after_batches;
    bool commit_before;  // whether the batches that it read are durable
    grpc::Status status;
    bool taken_over = false;  // another call opens the writer at the same time
  };

  // Must be set before the first call.
  std::deque<Failure> failures;
  std::map<std::string, std::deque<Failure>> failures_of;  // by stream, before `failures`
  std::map<std::string, grpc::Status> refused;             // streams that cannot start
  std::map<std::string, int64_t> nulled;                   // values by stream
  std::deque<grpc::Status> complete_failures;
  int64_t recommended_batch_bytes = 200;
  bool commit_each_batch = false;
  bool report_progress = true;  // by answers while a call is open, and by events
  bool tell_opened = false;     // by the first answer of a call, unless it fails before a batch
  int stale_starts = 0;         // answers of StartSync that precede the opening of the last call
  int64_t rows_deleted = 0;     // by every completion, as validate_only reports it

  grpc::Status StartSync(grpc::ServerContext*, const v1::StartSyncRequest* request,
                         v1::StartSyncResponse* response) override {
    MutexLock lock(&mutex_);
    response->set_resumed(starts_++ > 0 || !streams_.empty());
    requests_.push_back(*request);
    for (const v1::StreamConfig& config : request->streams()) {
      v1::StreamPlan* const plan = response->add_streams();
      *plan->mutable_descriptor() = config.descriptor();
      plan->set_table_name(config.descriptor().name());
      if (const auto found = refused.find(config.descriptor().name()); found != refused.end()) {
        plan->mutable_error()->ParseFromString(found->second.error_details());
        plan->mutable_error()->set_code(found->second.error_code());
        plan->mutable_error()->set_message(found->second.error_message());
        continue;
      }
      const auto stream = streams_.find(config.descriptor().name());
      if (stream == streams_.end()) continue;
      const int64_t epoch = stream->second.epoch - (stale_starts > 0 ? 1 : 0);
      if (epoch == 0) continue;
      v1::WriterPosition* const writer = plan->add_writers();
      writer->set_durable_offset(Size(config.descriptor().name()));
      writer->set_epoch(epoch);
    }
    stale_starts = std::max(0, stale_starts - 1);
    response->mutable_limits()->set_recommended_batch_bytes(recommended_batch_bytes);
    return grpc::Status::OK;
  }

  using AppendStream =
      grpc::ServerReaderWriter<v1::AppendRecordsResponse, v1::AppendRecordsRequest>;

  grpc::Status AppendRecords(grpc::ServerContext*, AppendStream* call) override {
    v1::AppendRecordsRequest request;
    if (!call->Read(&request) || !request.has_header()) {
      return ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "PROTOCOL_ORDER");
    }
    const v1::StreamDescriptor descriptor = request.header().descriptor();
    if (!Open(request.header())) return ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED");
    Failure failure = NextFailure(descriptor.name());
    std::vector<std::string> pending;
    v1::AppendRecordsResponse answer;
    if (tell_opened && failure.after_batches != 0) SendOpened(descriptor.name(), call);
    while (failure.after_batches != 0 && call->Read(&request)) {
      if (request.has_batch()) {
        const grpc::Status taken = TakeBatch(descriptor.name(), request.batch(), &pending);
        if (!taken.ok()) return taken;
        --failure.after_batches;
        if (!commit_each_batch) continue;
        Commit(descriptor.name(), &pending);
      } else {
        // One that covers several writers waits for no record.
        if (request.checkpoint().positions().empty()) Commit(descriptor.name(), &pending);
        AddCheckpoint(descriptor, request.checkpoint());
        answer.set_last_checkpoint_id(request.checkpoint().checkpoint_id());
      }
      if (report_progress) SendAnswer(descriptor.name(), call, &answer);
    }
    if (failure.after_batches == 0) {
      if (failure.commit_before) Commit(descriptor.name(), &pending);
      if (failure.taken_over) TakeOver(descriptor.name());
      return failure.status;
    }
    Commit(descriptor.name(), &pending);
    SendAnswer(descriptor.name(), call, &answer);
    return grpc::Status::OK;
  }

  grpc::Status CompleteStream(grpc::ServerContext*, const v1::CompleteStreamRequest* request,
                              v1::CompleteStreamResponse* response) override {
    MutexLock lock(&mutex_);
    if (!complete_failures.empty()) {
      const grpc::Status status = complete_failures.front();
      complete_failures.pop_front();
      return status;
    }
    Stream& stream = streams_[request->descriptor().name()];
    if (request->validate_only()) {
      response->mutable_validation()->set_rows_inserted(Size(request->descriptor().name()));
      response->mutable_validation()->set_rows_deleted(rows_deleted);
      return grpc::Status::OK;
    }
    stream.ended = request->status();
    stream.discarded = request->discard_staged();
    if (request->has_expected_records()) stream.expected = request->expected_records();
    return grpc::Status::OK;
  }

  grpc::Status GetSync(grpc::ServerContext*, const v1::GetSyncRequest*,
                       v1::GetSyncResponse* response) override {
    MutexLock lock(&mutex_);
    *response->mutable_sync() = Summary();
    return grpc::Status::OK;
  }

  // Returns two records per page.
  grpc::Status ListRejectedRecords(grpc::ServerContext*,
                                   const v1::ListRejectedRecordsRequest* request,
                                   v1::ListRejectedRecordsResponse* response) override {
    MutexLock lock(&mutex_);
    size_t next = static_cast<size_t>(std::atoi(request->page_token().c_str()));
    for (; next < rejected_.size() && response->records_size() < 2; ++next) {
      if (rejected_[next].descriptor().name() != request->descriptor().name()) continue;
      *response->add_records() = rejected_[next];
    }
    if (next < rejected_.size()) response->set_next_page_token(absl::StrCat(next));
    return grpc::Status::OK;
  }

  grpc::Status WatchSync(grpc::ServerContext* context, const v1::WatchSyncRequest* request,
                         grpc::ServerWriter<v1::WatchSyncResponse>* out) override {
    size_t next = static_cast<size_t>(request->after_sequence());
    int64_t told = -1;  // the first progress follows the past checkpoints
    while (!context->IsCancelled()) {
      std::vector<v1::WatchSyncResponse> events;
      {
        MutexLock lock(&mutex_);
        if (next >= checkpoints_.size() && told == commits_) {
          changed_.WaitFor(&mutex_, absl::Milliseconds(20));
        }
        while (next < checkpoints_.size()) {
          *events.emplace_back().mutable_checkpoint_committed() = checkpoints_[next++];
        }
        if (told < 0 || (report_progress && told != commits_)) {
          *events.emplace_back().mutable_progress()->mutable_streams() = Summary().streams();
        }
        told = commits_;
      }
      for (const auto& event : events) {
        if (!out->Write(event)) return grpc::Status::CANCELLED;
      }
    }
    return grpc::Status::CANCELLED;
  }

  // Adds a stream of an earlier run.
  void Preset(const std::string& name, const Stream& stream) {
    MutexLock lock(&mutex_);
    streams_[name] = stream;
    streams_[name].epoch = std::max<int64_t>(stream.epoch, 1);
  }
  // Opens the stream's writer in another call.
  void TakeOver(const std::string& name) {
    MutexLock lock(&mutex_);
    ++streams_[name].epoch;
  }

  void Reject(const std::string& name, int64_t offset, const std::string& reason) {
    MutexLock lock(&mutex_);
    v1::RejectedRecord& record = rejected_.emplace_back();
    record.mutable_descriptor()->set_name(name);
    record.set_offset(offset);
    record.set_reason(reason);
  }

  Stream stream(const std::string& name) {
    MutexLock lock(&mutex_);
    return streams_[name];
  }
  // Returns the StartSync requests in their order.
  std::vector<v1::StartSyncRequest> requests() {
    MutexLock lock(&mutex_);
    return requests_;
  }
  int starts() {
    MutexLock lock(&mutex_);
    return starts_;
  }
  int calls() {
    MutexLock lock(&mutex_);
    return calls_;
  }
  size_t checkpoints() {
    MutexLock lock(&mutex_);
    return checkpoints_.size();
  }
  // Returns the offset of the stream's newest checkpoint of its own.
  int64_t checkpoint_offset(const std::string& name) {
    MutexLock lock(&mutex_);
    int64_t offset = 0;
    for (const auto& known : checkpoints_) {
      const bool own = absl::StartsWith(known.checkpoint_id(), "offset-");
      if (own && known.descriptor().name() == name) offset = std::max(offset, known.offset());
    }
    return offset;
  }
  // Returns the expected epoch of each call, -1 if it had none.
  std::vector<int64_t> expected_epochs() {
    MutexLock lock(&mutex_);
    return expected_epochs_;
  }

 private:
  // Returns false if the writer's epoch is higher than the header expects.
  bool Open(const v1::StreamHeader& header) {
    MutexLock lock(&mutex_);
    expected_epochs_.push_back(header.has_expected_epoch() ? header.expected_epoch() : -1);
    int64_t& epoch = streams_[header.descriptor().name()].epoch;
    if (header.has_expected_epoch() && epoch > header.expected_epoch()) return false;
    ++epoch;
    return true;
  }

  void SendAnswer(const std::string& name, AppendStream* call, v1::AppendRecordsResponse* answer) {
    {
      MutexLock lock(&mutex_);
      answer->set_durable_offset(Size(name));
    }
    call->Write(*answer);
  }

  void SendOpened(const std::string& name, AppendStream* call) {
    v1::AppendRecordsResponse answer;
    {
      MutexLock lock(&mutex_);
      answer.set_durable_offset(Size(name));
      answer.mutable_opened()->set_durable_offset(Size(name));
      answer.mutable_opened()->set_epoch(streams_[name].epoch);
    }
    call->Write(answer);
  }

  Failure NextFailure(const std::string& name) {
    MutexLock lock(&mutex_);
    ++calls_;
    std::deque<Failure>& next = failures_of[name].empty() ? failures : failures_of[name];
    if (next.empty()) return {-1, false, grpc::Status::OK};
    const Failure failure = next.front();
    next.pop_front();
    return failure;
  }

  grpc::Status TakeBatch(const std::string& name, const v1::RecordBatch& batch,
                         std::vector<std::string>* pending) {
    MutexLock lock(&mutex_);
    int64_t offset = batch.first_offset();
    const int64_t expected = Size(name) + static_cast<int64_t>(pending->size());
    if (offset > expected) return ErrorWithReason(grpc::StatusCode::OUT_OF_RANGE, "OFFSET_GAP");
    const std::string& text = batch.jsonl().empty() ? batch.airbyte_jsonl() : batch.jsonl();
    for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      if (offset++ >= expected) pending->emplace_back(line);
    }
    return grpc::Status::OK;
  }

  void Commit(const std::string& name, std::vector<std::string>* pending) {
    MutexLock lock(&mutex_);
    std::vector<std::string>& committed = streams_[name].committed;
    committed.insert(committed.end(), pending->begin(), pending->end());
    pending->clear();
    ++commits_;
    changed_.NotifyAll();
  }

  void AddCheckpoint(const v1::StreamDescriptor& descriptor, const v1::Checkpoint& checkpoint) {
    MutexLock lock(&mutex_);
    for (const auto& known : checkpoints_) {
      if (known.checkpoint_id() == checkpoint.checkpoint_id() &&
          known.descriptor().name() == descriptor.name()) {
        return;
      }
    }
    v1::CheckpointCommitted& committed = checkpoints_.emplace_back();
    *committed.mutable_descriptor() = descriptor;
    committed.set_checkpoint_id(checkpoint.checkpoint_id());
    committed.set_state(checkpoint.state());
    committed.set_offset(Size(descriptor.name()));
    committed.set_sequence(static_cast<int64_t>(checkpoints_.size()));
    changed_.NotifyAll();
  }

  int64_t Size(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = streams_.find(name);
    return found == streams_.end() ? 0 : static_cast<int64_t>(found->second.committed.size());
  }

  v1::SyncSummary Summary() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::SyncSummary sync;
    for (const auto& [name, stream] : streams_) {
      v1::StreamSummary* const summary = sync.add_streams();
      summary->mutable_descriptor()->set_name(name);
      summary->set_state(stream.ended == v1::STREAM_STATUS_COMPLETE ? v1::STREAM_STATE_COMPLETED
                                                                    : v1::STREAM_STATE_OPEN);
      summary->add_writers()->set_durable_offset(Size(name));
      summary->set_records_rejected(stream.rejected);
      const auto values = nulled.find(name);
      if (values != nulled.end()) summary->set_values_nulled(values->second);
      for (const v1::RejectedRecord& record : rejected_) {
        if (record.descriptor().name() != name) continue;
        summary->set_records_rejected(summary->records_rejected() + 1);
      }
      summary->set_records_written(Size(name) - summary->records_rejected());
    }
    return sync;
  }

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::CheckpointCommitted> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::RejectedRecord> rejected_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> expected_epochs_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::StartSyncRequest> requests_ ABSL_GUARDED_BY(mutex_);
  int64_t commits_ ABSL_GUARDED_BY(mutex_) = 0;
  int starts_ ABSL_GUARDED_BY(mutex_) = 0;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The service on its own port, and a client that is connected to it.
class FakeServer {
 public:
  FakeServer() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
    ConnectionOptions options;
    options.server = absl::StrCat("127.0.0.1:", port);
    client = *SyncClient::Create(options);
  }
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  FakeSyncService service;
  std::unique_ptr<SyncClient> client;

 private:
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace syncline::client
