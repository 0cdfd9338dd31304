#include "server/rpc/sync_service.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/line_limiter.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/status_macros.h"
#include "server/rpc/conversion.h"
#include "server/rpc/record_stream.h"
#include "server/rpc/rejected_page_token.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/unknown_fields.h"
#include "server/sync/sync_errors.h"
#include "server/sync/sync_watch.h"

namespace syncline::rpc {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kDefaultRejectedPage = 100;
constexpr int kGreatestPage = 1000;

// How long a watch sleeps before it looks whether its caller is still there.
constexpr absl::Duration kWatchSlice = absl::Milliseconds(250);

// Lines about callers that nobody knows, who may call as often as they like.
constexpr int kUnknownCallerLines = 10;
constexpr absl::Duration kUnknownCallerWindow = absl::Seconds(10);

// Answers an error once, in the log and to the caller.
grpc::Status Answer(absl::string_view rpc, const absl::Status& status) {
  if (status.ok()) return ToGrpc(status);
  static auto* const limiter = new LineLimiter(kUnknownCallerLines, kUnknownCallerWindow);
  const std::optional<int64_t> left_out =
      absl::IsUnauthenticated(status) ? limiter->Take(absl::Now()) : 0;
  if (left_out.has_value()) {
    Log line(LogLevel::kWarning, "rpc_failed");
    line.Field("rpc", rpc).Error(status);
    if (*left_out > 0) line.Field("left_out", *left_out);
  }
  return ToGrpc(status);
}

// Runs `work` on `pool` and waits for it.
absl::Status RunOn(ThreadPool* pool, const std::function<absl::Status()>& work) {
  Mutex mutex;
  CondVar done;
  std::optional<absl::Status> result;
  const bool posted = pool->Post([&] {
    absl::Status status = work();
    // Under the lock: the waiter's stack, with `done` on it, goes as soon as it sees the result.
    MutexLock lock(&mutex);
    result = std::move(status);
    done.NotifyAll();
  });
  if (!posted) return sync::Draining();
  MutexLock lock(&mutex);
  while (!result.has_value()) done.Wait(&mutex);
  return *result;
}

}  // namespace

absl::string_view AuthorizationOf(const grpc::ServerContextBase& context) {
  const auto found = context.client_metadata().find("authorization");
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

absl::StatusOr<Admission::Call> SyncService::Admit(const grpc::ServerContextBase& context,
                                                   const google::protobuf::Message& request) const {
  SYNCLINE_RETURN_IF_ERROR(context_.authenticator->Check(AuthorizationOf(context)));
  if (const int64_t unknown = CountUnknownFields(request); unknown > 0) {
    context_.metrics->UnknownFields(unknown);
  }
  return context_.admission->EnterCall();
}

grpc::Status SyncService::StartSync(grpc::ServerContext* context,
                                    const v1::StartSyncRequest* request,
                                    v1::StartSyncResponse* response) {
  const auto start = [&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Admission::Call call, Admit(*context, *request));
    SYNCLINE_ASSIGN_OR_RETURN(const sync::StartRequest start_request, FromProto(*request));
    SYNCLINE_ASSIGN_OR_RETURN(const sync::StartedSync started,
                              context_.registry->Start(start_request));
    for (const StreamRecord& stream : started.sync.streams) {
      *response->add_streams() = ToPlan(stream);
    }
    v1::Limits* limits = response->mutable_limits();
    limits->set_max_message_bytes(context_.limits.max_message);
    limits->set_recommended_batch_bytes(context_.limits.recommended_batch);
    limits->set_max_record_bytes(context_.limits.max_record);
    response->set_resumed(started.resumed);
    return absl::OkStatus();
  };
  return Answer("StartSync", start());
}

grpc::ServerReadReactor<grpc::ByteBuffer>* SyncService::StreamRecords(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* response) {
  absl::Status admitted = context_.authenticator->Check(AuthorizationOf(*context));
  if (admitted.ok()) admitted = context_.admission->EnterStream();
  if (!admitted.ok()) return new RefusedStream(Answer("StreamRecords", admitted));
  return RecordStream::Start({.registry = context_.registry,
                              .admission = context_.admission,
                              .pool = context_.load_pool,
                              .metrics = context_.metrics,
                              .texts = context_.texts},
                             response);
}

grpc::Status SyncService::CompleteStream(grpc::ServerContext* context,
                                         const v1::CompleteStreamRequest* request,
                                         v1::CompleteStreamResponse* response) {
  const absl::StatusOr<Admission::Call> call = Admit(*context, *request);
  absl::Status status = call.status();
  if (status.ok()) {
    status = RunOn(context_.finalize_pool, [&] { return Complete(*request, response); });
  }
  return Answer("CompleteStream", status);
}

absl::Status SyncService::Complete(const v1::CompleteStreamRequest& request,
                                   v1::CompleteStreamResponse* response) {
  if (request.status() != v1::STREAM_STATUS_COMPLETE &&
      request.status() != v1::STREAM_STATUS_INCOMPLETE) {
    return sync::InvalidRequest(
        {{"status", "must be STREAM_STATUS_COMPLETE or STREAM_STATUS_INCOMPLETE"}});
  }
  CompletionRequest completion;
  completion.complete = request.status() == v1::STREAM_STATUS_COMPLETE;
  if (request.has_expected_records()) completion.expected_records = request.expected_records();
  completion.discard_staged = request.discard_staged();
  completion.keep_earlier = request.keep_earlier();
  if (request.has_guard()) completion.guard = FromProto(request.guard());
  if (request.validate_only()) {
    SYNCLINE_ASSIGN_OR_RETURN(const Validation validation,
                              context_.registry->Validate(
                                  request.sync_id(), FromProto(request.descriptor()), completion));
    *response->mutable_validation() = ToProto(validation);
    return absl::OkStatus();
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const StreamRecord stream,
      context_.registry->Complete(request.sync_id(), FromProto(request.descriptor()), completion));
  response->set_outcome(ToProto(stream.result.outcome));
  response->set_rows(stream.result.rows);
  response->set_generation_id(stream.plan.generation_id);
  response->set_values_nulled(stream.values.nulled);
  response->set_values_truncated(stream.values.truncated);
  response->set_fields_undeclared(stream.values.undeclared);
  return absl::OkStatus();
}

grpc::Status SyncService::GetSync(grpc::ServerContext* context, const v1::GetSyncRequest* request,
                                  v1::GetSyncResponse* response) {
  const auto get = [&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Admission::Call call, Admit(*context, *request));
    SYNCLINE_ASSIGN_OR_RETURN(const SyncRecord sync, context_.registry->Get(request->sync_id()));
    *response->mutable_sync() = ToSummary(sync);
    return absl::OkStatus();
  };
  return Answer("GetSync", get());
}

grpc::Status SyncService::ListSyncs(grpc::ServerContext* context,
                                    const v1::ListSyncsRequest* request,
                                    v1::ListSyncsResponse* response) {
  const auto list = [&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Admission::Call call, Admit(*context, *request));
    if (request->page_size() < 0 || request->page_size() > kGreatestPage) {
      return sync::InvalidRequest({{"page_size", "must be 0-1000"}});
    }
    int64_t before = 0;
    if (!request->page_token().empty() && !absl::SimpleAtoi(request->page_token(), &before)) {
      return sync::InvalidRequest({{"page_token", "is not one that this server gave"}});
    }
    const int size = request->page_size() == 0 ? kDefaultPage : request->page_size();
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<SyncRecord> syncs,
                              context_.registry->List(size, before));
    for (const SyncRecord& sync : syncs) *response->add_syncs() = ToSummary(sync);
    if (static_cast<int>(syncs.size()) == size) {
      response->set_next_page_token(absl::StrCat(syncs.back().sync_no));
    }
    return absl::OkStatus();
  };
  return Answer("ListSyncs", list());
}

grpc::Status SyncService::ListRejectedRecords(grpc::ServerContext* context,
                                              const v1::ListRejectedRecordsRequest* request,
                                              v1::ListRejectedRecordsResponse* response) {
  const auto list = [&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Admission::Call call, Admit(*context, *request));
    if (request->page_size() < 0 || request->page_size() > kGreatestPage) {
      return sync::InvalidRequest({{"page_size", "must be 0-1000"}});
    }
    RejectedQuery query;
    query.sync_id = request->sync_id();
    if (request->has_descriptor()) query.stream = FromProto(request->descriptor());
    query.limit = request->page_size() == 0 ? kDefaultRejectedPage : request->page_size();
    if (!request->page_token().empty()) {
      SYNCLINE_ASSIGN_OR_RETURN(query.after,
                                ReadRejectedPageToken(query.sync_id, request->page_token()));
    }
    SYNCLINE_ASSIGN_OR_RETURN(const RejectedPage page, context_.registry->ListRejected(query));
    for (const ListedRejection& record : page.records) *response->add_records() = ToProto(record);
    if (page.more) {
      response->set_next_page_token(RejectedPageToken(query.sync_id, page.records.back().place));
    }
    return absl::OkStatus();
  };
  return Answer("ListRejectedRecords", list());
}

grpc::Status SyncService::WatchSync(grpc::ServerContext* context,
                                    const v1::WatchSyncRequest* request,
                                    grpc::ServerWriter<v1::WatchSyncResponse>* writer) {
  const absl::StatusOr<Admission::Call> call = Admit(*context, *request);
  absl::Status status = call.status();
  if (status.ok()) status = Watch(*context, *request, writer);
  if (absl::IsCancelled(status)) return ToGrpc(status);  // the caller's doing: not worth a warning
  return Answer("WatchSync", status);
}

absl::Status SyncService::Watch(const grpc::ServerContext& context,
                                const v1::WatchSyncRequest& request,
                                grpc::ServerWriter<v1::WatchSyncResponse>* writer) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<sync::SyncWatch> watch,
                            context_.registry->Watch(request.sync_id(), request.after_sequence()));
  while (!context.IsCancelled()) {
    // Draining is looked at before the read: what was committed until then is still sent.
    const bool draining = context_.admission->draining() && context_.admission->open_streams() == 0;
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<sync::SyncEvent> events, watch->Next(kWatchSlice));
    for (const sync::SyncEvent& event : events) {
      if (!writer->Write(ToProto(event))) return sync::CallerGone();
      if (std::holds_alternative<sync::SyncFinishedEvent>(event)) return absl::OkStatus();
    }
    if (draining) return sync::Draining();
  }
  return sync::CallerGone();
}

grpc::Status SyncService::CancelSync(grpc::ServerContext* context,
                                     const v1::CancelSyncRequest* request,
                                     v1::CancelSyncResponse* response) {
  const auto cancel = [&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Admission::Call call, Admit(*context, *request));
    SYNCLINE_ASSIGN_OR_RETURN(const SyncRecord sync, context_.registry->Cancel(request->sync_id()));
    *response->mutable_sync() = ToSummary(sync);
    return absl::OkStatus();
  };
  return Answer("CancelSync", cancel());
}

}  // namespace syncline::rpc
