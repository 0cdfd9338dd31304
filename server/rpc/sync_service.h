// The switchboard: each RPC of syncline.v1.SyncService to the class that does its work.
//
// StreamRecords is served by gRPC's callback API (record_stream.h, decision 0008); the others are
// synchronous: they are short, or wait on the finalising pool.
#pragma once

#include "server/base/free_list.h"
#include "server/base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/rpc/admission.h"
#include "server/rpc/auth.h"
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
  metrics::Metrics* metrics = nullptr;
  FreeTexts* texts = nullptr;
  ThreadPool* load_pool = nullptr;
  ThreadPool* finalize_pool = nullptr;
  Limits limits;
};

class SyncService final
    : public v1::SyncService::WithRawCallbackMethod_StreamRecords<v1::SyncService::Service> {
 public:
  explicit SyncService(const ServiceContext& context) : context_(context) {}

  grpc::Status StartSync(grpc::ServerContext* context, const v1::StartSyncRequest* request,
                         v1::StartSyncResponse* response) override;
  // Raw: a message that does not parse is told apart from the end of the call.
  grpc::ServerReadReactor<grpc::ByteBuffer>* StreamRecords(grpc::CallbackServerContext* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::Status CompleteStream(grpc::ServerContext* context,
                              const v1::CompleteStreamRequest* request,
                              v1::CompleteStreamResponse* response) override;
  grpc::Status GetSync(grpc::ServerContext* context, const v1::GetSyncRequest* request,
                       v1::GetSyncResponse* response) override;
  grpc::Status ListSyncs(grpc::ServerContext* context, const v1::ListSyncsRequest* request,
                         v1::ListSyncsResponse* response) override;
  grpc::Status WatchSync(grpc::ServerContext* context, const v1::WatchSyncRequest* request,
                         grpc::ServerWriter<v1::WatchSyncResponse>* writer) override;
  grpc::Status CancelSync(grpc::ServerContext* context, const v1::CancelSyncRequest* request,
                          v1::CancelSyncResponse* response) override;
  grpc::Status ListRejectedRecords(grpc::ServerContext* context,
                                   const v1::ListRejectedRecordsRequest* request,
                                   v1::ListRejectedRecordsResponse* response) override;

 private:
  // Credentials and draining. Errors: UNAUTHENTICATED, UNAVAILABLE DRAINING.
  absl::StatusOr<Admission::Call> Admit(const grpc::ServerContextBase& context,
                                        const google::protobuf::Message& request) const;
  absl::Status Complete(const v1::CompleteStreamRequest& request,
                        v1::CompleteStreamResponse* response);
  absl::Status Watch(const grpc::ServerContext& context, const v1::WatchSyncRequest& request,
                     grpc::ServerWriter<v1::WatchSyncResponse>* writer);

  const ServiceContext context_;
};

// The value of the call's "authorization" metadata, or empty.
absl::string_view AuthorizationOf(const grpc::ServerContextBase& context);

}  // namespace syncline::rpc
