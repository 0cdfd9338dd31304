// The RPCs of SyncService that receive records: they are authenticated and admitted here, and then
// belong to their reactors.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/rpc/append_records_reactor.h"
#include "server/rpc/call_answer.h"
#include "server/rpc/stream_records_reactor.h"
#include "server/rpc/sync_service.h"

namespace syncline::rpc {

template <typename Reactor>
std::optional<SyncService::RecordsCaller> SyncService::AdmitRecords(const Context& context,
                                                                    const char* rpc,
                                                                    Reactor* refused) {
  absl::StatusOr<Identity> caller = Authenticate(context);
  if (!caller.ok()) {
    Refuse(context,
           [refused, rpc, status = caller.status()] { refused->Finish(Answer(rpc, status)); });
    return std::nullopt;
  }
  std::string key = KeyOf(context, *caller);
  absl::StatusOr<Admission::Call> place =
      Admit([&] { return context_.admission->EnterSilent(key); });
  if (!place.ok()) {
    refused->Finish(Answer(rpc, place.status()));
    return std::nullopt;
  }
  return RecordsCaller{
      {*std::move(caller), std::move(key), context_.connections->Find(context.peer())},
      *std::move(place)};
}

ReceiverContext SyncService::MakeReceiverContext() const {
  return {.registry = context_.registry,
          .admission = context_.admission,
          .claim_pool = context_.claim_pool,
          .parse_pool = context_.parse_pool,
          .metrics = context_.metrics,
          .texts = context_.texts,
          .budget = context_.budget,
          .gate = context_.gate,
          .calls = context_.calls,
          .max_message_bytes = context_.limits.max_message,
          .idle_timeout = context_.idle_timeout};
}

grpc::ServerReadReactor<grpc::ByteBuffer>* SyncService::StreamRecords(Context* context,
                                                                      grpc::ByteBuffer* response) {
  auto refused = std::make_unique<RefusedStream>();
  std::optional<RecordsCaller> admitted = AdmitRecords(*context, "StreamRecords", refused.get());
  if (!admitted.has_value()) return refused.release();
  return StreamRecordsReactor::Start(MakeReceiverContext(), std::move(admitted->caller),
                                     std::move(admitted->place), response);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SyncService::AppendRecords(
    Context* context) {
  auto refused = std::make_unique<RefusedAppend>();
  std::optional<RecordsCaller> admitted = AdmitRecords(*context, "AppendRecords", refused.get());
  if (!admitted.has_value()) return refused.release();
  return AppendRecordsReactor::Start(MakeReceiverContext(), std::move(admitted->caller),
                                     std::move(admitted->place), ToProto(context_.limits), context);
}

}  // namespace syncline::rpc
