#include "server/rpc/sync_service.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/interruption.h"
#include "base/status_macros.h"
#include "server/rpc/call_answer.h"
#include "server/rpc/conversion.h"
#include "server/rpc/message_size.h"
#include "server/rpc/rejected_page_token.h"
#include "server/rpc/request_names.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/sync_page.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/unknown_fields.h"
#include "server/rpc/watch_sync_reactor.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kDefaultRejectedPage = 100;
constexpr int kMaxPageSize = 1000;
// A WatchSyncRequest takes less than 1 KiB; the rest is for fields that only newer callers know.
constexpr int64_t kMaxWatchRequestBytes = 64 << 10;

// Checks that `caller` may access the sync of a request. StartSync and ListSyncs check owners
// themselves.
template <typename Request>
absl::Status CheckOwner(sync::SyncRegistry* registry, const Request& request,
                        const Identity& caller) {
  return registry->CheckOwner(request.sync_id(), caller);
}
absl::Status CheckOwner(sync::SyncRegistry*, const v1::StartSyncRequest&, const Identity&) {
  return absl::OkStatus();
}
absl::Status CheckOwner(sync::SyncRegistry*, const v1::ListSyncsRequest&, const Identity&) {
  return absl::OkStatus();
}

// Fails if the call was over before its request arrived. gRPC serves such a call without a request,
// as it does a call whose caller sent none; that request is malformed.
absl::Status CheckArrived(const grpc::ServerContextBase& context, const grpc::ByteBuffer& request) {
  if (request.Valid()) return absl::OkStatus();
  absl::Status end = GetCallEnd(context.deadline());
  const bool over = absl::IsDeadlineExceeded(end) || context.IsCancelled();
  return over ? end : absl::OkStatus();
}

// The admission of a watch does not count the memory of its request, so the request must be small.
absl::Status CheckWatchSize(const grpc::ByteBuffer& request) {
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t bytes,
                            MeasureMessage(request, *v1::WatchSyncRequest::descriptor()));
  if (bytes <= kMaxWatchRequestBytes) return absl::OkStatus();
  return sync::InvalidRequest({{"message", "must take at most 64 KiB of memory"}});
}

absl::StatusOr<CompletionRequest> ToCompletion(const v1::CompleteStreamRequest& request) {
  std::vector<FieldViolation> violations;
  if (request.status() != v1::STREAM_STATUS_COMPLETE &&
      request.status() != v1::STREAM_STATUS_INCOMPLETE) {
    violations.push_back({"status", "must be STREAM_STATUS_COMPLETE or STREAM_STATUS_INCOMPLETE"});
  }
  if (request.discard_staged() && request.status() == v1::STREAM_STATUS_COMPLETE) {
    violations.push_back({"discard_staged", "is only for STREAM_STATUS_INCOMPLETE"});
  }
  if (request.keep_earlier() && !request.discard_staged()) {
    violations.push_back({"keep_earlier", "is only for discard_staged"});
  }
  if (!violations.empty()) return sync::InvalidRequest(std::move(violations));
  CompletionRequest completion;
  completion.complete = request.status() == v1::STREAM_STATUS_COMPLETE;
  if (request.has_expected_records()) completion.expected_records = request.expected_records();
  completion.discard_staged = request.discard_staged();
  completion.keep_earlier = request.keep_earlier();
  if (request.has_guard()) completion.guard = FromProto(request.guard());
  return completion;
}

}  // namespace

v1::Limits ToProto(const Limits& limits) {
  v1::Limits message;
  message.set_max_message_bytes(limits.max_message);
  message.set_recommended_batch_bytes(limits.recommended_batch);
  message.set_max_record_bytes(limits.max_record);
  return message;
}

absl::string_view MetadataOf(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

absl::StatusOr<Identity> SyncService::Authenticate(const grpc::ServerContextBase& context) const {
  absl::StatusOr<Identity> caller =
      context_.authenticator->Check(MetadataOf(context, "authorization"));
  if (!caller.ok()) context_.metrics->AuthenticationFailed(GetReason(caller.status()));
  return caller;
}

std::string SyncService::PeerOf(const grpc::ServerContextBase& context) const {
  std::string peer;
  if (context_.trust_forwarded_for)
    peer = GetLastForwardedFor(MetadataOf(context, "x-forwarded-for"));
  return peer.empty() ? GetPeerAddress(context.peer()) : peer;
}

std::string SyncService::KeyOf(const grpc::ServerContextBase& context,
                               const Identity& caller) const {
  if (!caller.owner.empty()) return absl::StrCat("owner ", caller.owner);
  if (!caller.name.empty()) return absl::StrCat("token ", caller.name);
  return absl::StrCat("peer ", PeerOf(context));
}

void SyncService::Refuse(const grpc::ServerContextBase& context,
                         std::function<void()> answer) const {
  context_.failed_tries->Answer(PeerOf(context), absl::Now(), std::move(answer));
}

absl::StatusOr<Admission::Call> SyncService::Admit(
    absl::FunctionRef<absl::StatusOr<Admission::Call>()> enter) const {
  SYNCLINE_RETURN_IF_ERROR(context_.prepared());
  absl::StatusOr<Admission::Call> place = enter();
  // A request that is not valid would be refused without limits, too.
  if (!place.ok() && !absl::IsInvalidArgument(place.status())) {
    context_.metrics->CallRefused(GetReason(place.status()));
  }
  return place;
}

template <typename Request>
absl::Status SyncService::Parse(const grpc::ByteBuffer& bytes, Request* request) const {
  grpc::ByteBuffer shared = bytes;  // shares the slices by reference counting
  if (!grpc::SerializationTraits<Request>::Deserialize(&shared, request).ok()) {
    return MalformedMessage(request->GetDescriptor()->full_name());
  }
  if (const int64_t unknown = CountUnknownFields(*request); unknown > 0) {
    context_.metrics->UnknownFields(unknown);
  }
  return CheckNames(*request);
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* SyncService::Serve(Context* context, const char* rpc,
                                             const grpc::ByteBuffer& request,
                                             grpc::ByteBuffer* response, ThreadPool* pool,
                                             Work<Request, Response> work, Route<Request> route) {
  auto* const call = new UnaryCall(*context, context_.running_calls);
  const auto finish = [call, rpc](const absl::Status& status) {
    call->Finish(Answer(rpc, status));
  };
  // Authenticate, before the request is parsed.
  absl::StatusOr<Identity> caller = Authenticate(*context);
  if (!caller.ok()) {
    Refuse(*context, [finish, status = caller.status()] { finish(status); });
    return call;
  }
  if (const absl::Status here = CheckArrived(*context, request); !here.ok()) {
    finish(here);
    return call;
  }
  // Admit the call, then parse the request.
  absl::StatusOr<Admission::Call> admitted = Admit([&]() -> absl::StatusOr<Admission::Call> {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t bytes,
                              MeasureMessage(request, *Request().GetDescriptor()));
    return context_.admission->EnterCall(KeyOf(*context, *caller), bytes);
  });
  const auto message = std::make_shared<Request>();
  absl::Status ready = admitted.status();
  if (ready.ok()) ready = Parse(request, message.get());
  if (!ready.ok()) {
    finish(ready);
    return call;
  }
  // Released after the response, so that draining waits for it.
  const auto held = std::make_shared<Admission::Call>(*std::move(admitted));
  // Do the work on a pool thread, unless the caller is gone by then.
  const std::function<void()> run = [this, call, finish, held, message, caller = *caller, response,
                                     work] {
    const Interruption::Scope scope(call->interruption());
    absl::Status status = Interruption::Check();
    Response answer;
    if (status.ok()) status = (this->*work)(*message, caller, &answer);
    bool owned = false;
    if (status.ok()) {
      const grpc::Status written =
          grpc::SerializationTraits<Response>::Serialize(answer, response, &owned);
      if (!written.ok()) return call->Finish(written);
    }
    finish(status);
  };
  const bool posted = pool->Post([this, call, finish, message, caller = *caller, route, run] {
    absl::StatusOr<ThreadPool*> next = nullptr;
    {
      const Interruption::Scope scope(call->interruption());
      absl::Status status = Interruption::Check();
      if (status.ok()) status = CheckOwner(context_.registry, *message, caller);
      if (status.ok() && route != nullptr) next = (this->*route)(*message);
      if (!status.ok()) next = status;
    }
    if (!next.ok()) return finish(next.status());
    if (*next == nullptr) return run();
    if (!(*next)->Post(run)) finish(sync::Draining());
  });
  if (!posted) finish(sync::Draining());
  return call;
}

grpc::ServerUnaryReactor* SyncService::StartSync(Context* context, const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return Serve(context, "StartSync", *request, response, context_.start_pool, &SyncService::Start);
}

grpc::ServerUnaryReactor* SyncService::CompleteStream(Context* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return Serve(context, "CompleteStream", *request, response, context_.end_pool,
               &SyncService::Complete, &SyncService::ChooseCompletionPool);
}

grpc::ServerUnaryReactor* SyncService::GetSync(Context* context, const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  return Serve(context, "GetSync", *request, response, context_.control_pool, &SyncService::Get);
}

grpc::ServerUnaryReactor* SyncService::ListSyncs(Context* context, const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return Serve(context, "ListSyncs", *request, response, context_.control_pool, &SyncService::List);
}

grpc::ServerUnaryReactor* SyncService::CancelSync(Context* context, const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return Serve(context, "CancelSync", *request, response, context_.control_pool,
               &SyncService::Cancel);
}

grpc::ServerUnaryReactor* SyncService::ListRejectedRecords(Context* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return Serve(context, "ListRejectedRecords", *request, response, context_.control_pool,
               &SyncService::ListRejected);
}

absl::Status SyncService::Start(const v1::StartSyncRequest& request, const Identity& caller,
                                v1::StartSyncResponse* response) {
  SYNCLINE_ASSIGN_OR_RETURN(sync::StartRequest start_request, FromProto(request));
  start_request.caller = caller;
  start_request.plan_only = request.plan_only();
  sync::StartedSync started;
  if (request.plan_only()) {
    SYNCLINE_ASSIGN_OR_RETURN(started.sync, context_.registry->Preview(start_request));
  } else {
    SYNCLINE_ASSIGN_OR_RETURN(started, context_.registry->Start(start_request));
  }
  for (const StreamEntry& stream : started.sync.streams) *response->add_streams() = ToPlan(stream);
  *response->mutable_limits() = ToProto(context_.limits);
  response->set_resumed(started.resumed);
  return absl::OkStatus();
}

absl::StatusOr<ThreadPool*> SyncService::ChooseCompletionPool(
    const v1::CompleteStreamRequest& request) {
  if (request.validate_only()) return context_.finalize_pool;
  SYNCLINE_ASSIGN_OR_RETURN(const CompletionRequest completion, ToCompletion(request));
  SYNCLINE_ASSIGN_OR_RETURN(
      const bool moves_rows,
      context_.registry->MovesRows(request.sync_id(), FromProto(request.descriptor()), completion));
  return moves_rows ? context_.finalize_pool : nullptr;
}

absl::Status SyncService::Complete(const v1::CompleteStreamRequest& request, const Identity&,
                                   v1::CompleteStreamResponse* response) {
  SYNCLINE_ASSIGN_OR_RETURN(const CompletionRequest completion, ToCompletion(request));
  if (request.validate_only()) {
    SYNCLINE_ASSIGN_OR_RETURN(const Validation validation,
                              context_.registry->Validate(
                                  request.sync_id(), FromProto(request.descriptor()), completion));
    *response->mutable_validation() = ToProto(validation);
    return absl::OkStatus();
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const StreamEntry stream,
      context_.registry->Complete(request.sync_id(), FromProto(request.descriptor()), completion));
  response->set_outcome(ToProto(stream.result.outcome));
  response->set_rows(stream.result.rows);
  response->set_generation_id(stream.plan.generation_id);
  response->set_values_nulled(stream.values.nulled);
  response->set_values_truncated(stream.values.truncated);
  response->set_fields_undeclared(stream.values.undeclared);
  response->set_rows_marked_deleted(stream.result.marked_rows);
  return absl::OkStatus();
}

absl::Status SyncService::Get(const v1::GetSyncRequest& request, const Identity&,
                              v1::GetSyncResponse* response) {
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, context_.registry->Get(request.sync_id()));
  *response->mutable_sync() = ToSummary(sync);
  return absl::OkStatus();
}

absl::Status SyncService::List(const v1::ListSyncsRequest& request, const Identity& caller,
                               v1::ListSyncsResponse* response) {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return sync::InvalidRequest({{"page_size", "must be 0-1000"}});
  }
  int64_t before = 0;
  if (!request.page_token().empty() &&
      (!absl::SimpleAtoi(request.page_token(), &before) || before <= 0)) {
    return sync::InvalidRequest({{"page_token", "is not a token that this server returned"}});
  }
  SyncQuery query;
  query.limit = request.page_size() == 0 ? kDefaultPage : request.page_size();
  query.before = before;
  query.owner = caller.owner;
  SYNCLINE_RETURN_IF_ERROR(ReadSyncFilter(request, &query));
  return FillSyncPage(context_.registry, query, response);
}

absl::Status SyncService::ListRejected(const v1::ListRejectedRecordsRequest& request,
                                       const Identity&, v1::ListRejectedRecordsResponse* response) {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return sync::InvalidRequest({{"page_size", "must be 0-1000"}});
  }
  RejectedQuery query;
  query.sync_id = request.sync_id();
  if (request.has_descriptor()) query.stream = FromProto(request.descriptor());
  query.limit = request.page_size() == 0 ? kDefaultRejectedPage : request.page_size();
  if (!request.page_token().empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(query.after,
                              ReadRejectedPageToken(query.sync_id, request.page_token()));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const RejectedPage page, context_.registry->ListRejected(query));
  for (const ListedRejection& record : page.records) *response->add_records() = ToProto(record);
  if (page.more) {
    response->set_next_page_token(RejectedPageToken(query.sync_id, page.records.back().place));
  }
  return absl::OkStatus();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* SyncService::WatchSync(
    Context* context, const grpc::ByteBuffer* request) {
  const auto refuse = [](const absl::Status& status) {
    auto* const refused = new RefusedWatch();
    refused->Finish(Answer("WatchSync", status));
    return refused;
  };
  absl::StatusOr<Identity> caller = Authenticate(*context);
  if (!caller.ok()) {
    auto* const refused = new RefusedWatch();
    Refuse(*context,
           [refused, status = caller.status()] { refused->Finish(Answer("WatchSync", status)); });
    return refused;
  }
  if (const absl::Status here = CheckArrived(*context, *request); !here.ok()) return refuse(here);
  absl::StatusOr<Admission::Call> place =
      Admit([&] { return context_.admission->EnterWatch(KeyOf(*context, *caller)); });
  if (!place.ok()) return refuse(place.status());
  if (const absl::Status small = CheckWatchSize(*request); !small.ok()) return refuse(small);
  v1::WatchSyncRequest message;
  if (const absl::Status read = Parse(*request, &message); !read.ok()) return refuse(read);
  sync::WatchRequest watch;
  watch.sync_id = message.sync_id();
  watch.after_sequence = message.after_sequence();
  watch.with_state = !message.without_state();
  watch.caller = *std::move(caller);
  return WatchSyncReactor::Start(context, context_.watches, std::move(watch), *std::move(place));
}

absl::Status SyncService::Cancel(const v1::CancelSyncRequest& request, const Identity&,
                                 v1::CancelSyncResponse* response) {
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, context_.registry->Cancel(request.sync_id()));
  *response->mutable_sync() = ToSummary(sync);
  return absl::OkStatus();
}

}  // namespace syncline::rpc
