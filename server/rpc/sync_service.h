// The switchboard: each RPC of syncline.v1.SyncService to the class that does its work.
//
// All are served by gRPC's callback API (decision 0008). Unary calls wait in the queue of a bounded
// pool. A watch has a thread of its own; no other call has one, a refused watch neither.
#pragma once

#include <functional>
#include <string>

#include "base/free_list.h"
#include "base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/rpc/admission.h"
#include "server/rpc/auth.h"
#include "server/rpc/failed_tries.h"
#include "server/sync/sync_registry.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::rpc {

// What StartSync tells callers to size their messages by; bytes.
struct Limits {
  int64_t max_message = 0;
  int64_t recommended_batch = 0;
  int64_t max_record = 0;
};

// What the service works with; all outlive it.
struct ServiceContext {
  sync::SyncRegistry* registry = nullptr;
  Admission* admission = nullptr;
  const Authenticator* authenticator = nullptr;
  // OK once the ledger stands; until then why it does not.
  std::function<absl::Status()> prepared;
  metrics::Metrics* metrics = nullptr;
  FreeTexts* texts = nullptr;
  FailedTries* failed_tries = nullptr;
  // Whether the header x-forwarded-for names the caller: a proxy in front sets it.
  bool trust_forwarded_for = false;
  ThreadPool* start_pool = nullptr;  // of StartSync, which may wait for somebody's lock
  ThreadPool* control_pool = nullptr;
  ThreadPool* load_pool = nullptr;
  ThreadPool* finalize_pool = nullptr;
  Limits limits;
};

// The base that gRPC's generator makes for this mix of kinds of calls. Raw: a message that does not
// parse is told apart from other errors, and named.
template <typename Base>
using WithRawUnary = v1::SyncService::WithRawCallbackMethod_StartSync<
    v1::SyncService::WithRawCallbackMethod_CompleteStream<
        v1::SyncService::WithRawCallbackMethod_GetSync<
            v1::SyncService::WithRawCallbackMethod_ListSyncs<
                v1::SyncService::WithRawCallbackMethod_CancelSync<
                    v1::SyncService::WithRawCallbackMethod_ListRejectedRecords<Base>>>>>>;

class SyncService final
    : public WithRawUnary<v1::SyncService::WithRawCallbackMethod_WatchSync<
          v1::SyncService::WithRawCallbackMethod_StreamRecords<v1::SyncService::Service>>> {
 public:
  explicit SyncService(const ServiceContext& context) : context_(context) {}

  using Context = grpc::CallbackServerContext;
  grpc::ServerUnaryReactor* StartSync(Context* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* StreamRecords(Context* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CompleteStream(Context* context, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSync(Context* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSyncs(Context* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchSync(Context* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* CancelSync(Context* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListRejectedRecords(Context* context, const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;

 private:
  // What a call does once it is let in; on a thread of a pool.
  template <typename Request, typename Response>
  using Work = absl::Status (SyncService::*)(const Request& request, const Identity& caller,
                                             Response* response);

  // Lets the call in, runs `work` on `pool` and answers with what it returns.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(Context* context, const char* rpc,
                                  const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                                  ThreadPool* pool, Work<Request, Response> work);
  // Who calls; refusals are counted. Errors: those of Authenticator::Check.
  absl::StatusOr<Identity> Authenticate(const grpc::ServerContextBase& context) const;
  // Calls `answer`, to a caller without credentials, when it is time.
  void Refuse(const grpc::ServerContextBase& context, std::function<void()> answer) const;
  // A place from `enter`. Errors: those of `enter`; why the ledger does not stand.
  absl::StatusOr<Admission::Call> Admit(
      const google::protobuf::Message& request,
      absl::StatusOr<Admission::Call> (Admission::*enter)()) const;

  absl::Status Start(const v1::StartSyncRequest& request, const Identity& caller,
                     v1::StartSyncResponse* response);
  absl::Status Complete(const v1::CompleteStreamRequest& request, const Identity& caller,
                        v1::CompleteStreamResponse* response);
  absl::Status Get(const v1::GetSyncRequest& request, const Identity& caller,
                   v1::GetSyncResponse* response);
  absl::Status List(const v1::ListSyncsRequest& request, const Identity& caller,
                    v1::ListSyncsResponse* response);
  absl::Status Cancel(const v1::CancelSyncRequest& request, const Identity& caller,
                      v1::CancelSyncResponse* response);
  absl::Status ListRejected(const v1::ListRejectedRecordsRequest& request, const Identity& caller,
                            v1::ListRejectedRecordsResponse* response);

  const ServiceContext context_;
};

// The value of a metadata entry of the call, or empty.
absl::string_view MetadataOf(const grpc::ServerContextBase& context, const char* key);

}  // namespace syncline::rpc
