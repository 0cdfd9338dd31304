// SyncService: passes each RPC of syncline.v1.SyncService to the class that does its work.
//
// All RPCs use gRPC's callback API (decision 0008). A call is authenticated and admitted before its
// message is parsed. Unary calls wait in the queue of a bounded pool. One thread reads for all
// watches (decision 0034). No call has a thread of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/rpc/admission.h"
#include "server/rpc/auth.h"
#include "server/rpc/failed_tries.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/open_connections.h"
#include "server/rpc/read_gate.h"
#include "server/rpc/records_receiver.h"
#include "server/rpc/unary_call.h"
#include "server/sync/sync_registry.h"
#include "server/sync/watch_reader.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::rpc {

// Limits that StartSync returns, by which callers size their messages. In bytes.
struct Limits {
  int64_t max_message = 0;
  int64_t recommended_batch = 0;
  int64_t max_record = 0;
};

// Dependencies of the service. Every pointer must outlive it.
struct ServiceContext {
  sync::SyncRegistry* registry = nullptr;
  Admission* admission = nullptr;
  sync::WatchReader* watches = nullptr;
  const Authenticator* authenticator = nullptr;
  // Returns OK once the ledger is ready, until then the reason why it is not.
  std::function<absl::Status()> prepared;
  metrics::Metrics* metrics = nullptr;
  FreeStrings* texts = nullptr;
  FailedTries* failed_tries = nullptr;
  MemoryBudget* budget = nullptr;
  ReadGate* gate = nullptr;
  OpenConnections* connections = nullptr;
  OpenCalls* calls = nullptr;
  // Whether the header x-forwarded-for identifies the caller, because a proxy in front sets it.
  bool trust_forwarded_for = false;
  ThreadPool* start_pool = nullptr;  // for StartSync, which may wait for another session's lock
  ThreadPool* control_pool = nullptr;
  ThreadPool* claim_pool = nullptr;     // for opening writers
  ThreadPool* parse_pool = nullptr;     // for messages that have waited for memory
  ThreadPool* end_pool = nullptr;       // for completions that move no rows
  ThreadPool* finalize_pool = nullptr;  // for the others, which may take hours
  RunningCalls* running_calls = nullptr;
  Limits limits;
  // A StreamRecords or AppendRecords call that waits for a message for longer than this is ended;
  // zero: no limit.
  absl::Duration idle_timeout;
};

// The base class that gRPC's generator provides for this mix of RPC kinds. Raw methods receive
// bytes, so that a message that cannot be parsed gets a named error of its own.
template <typename Base>
using WithRawUnary = v1::SyncService::WithRawCallbackMethod_StartSync<
    v1::SyncService::WithRawCallbackMethod_CompleteStream<
        v1::SyncService::WithRawCallbackMethod_GetSync<
            v1::SyncService::WithRawCallbackMethod_ListSyncs<
                v1::SyncService::WithRawCallbackMethod_CancelSync<
                    v1::SyncService::WithRawCallbackMethod_ListRejectedRecords<Base>>>>>>;

class SyncService final
    : public WithRawUnary<v1::SyncService::WithRawCallbackMethod_WatchSync<
          v1::SyncService::WithRawCallbackMethod_StreamRecords<
              v1::SyncService::WithRawCallbackMethod_AppendRecords<v1::SyncService::Service>>>> {
 public:
  explicit SyncService(const ServiceContext& context) : context_(context) {}

  using Context = grpc::CallbackServerContext;
  grpc::ServerUnaryReactor* StartSync(Context* context, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* StreamRecords(Context* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* AppendRecords(
      Context* context) override;
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
  // The work of an admitted call. It runs on a pool thread.
  template <typename Request, typename Response>
  using Work = absl::Status (SyncService::*)(const Request& request, const Identity& caller,
                                             Response* response);

  // Returns the pool for the work of a call, or null for the one that it is in. Runs in the latter.
  template <typename Request>
  using Route = absl::StatusOr<ThreadPool*> (SyncService::*)(const Request& request);

  // Authenticates and admits the call, runs `work` on `pool`, or on that of `route`, and returns
  // its result to the caller. A call whose caller is gone is dropped from the queue.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(Context* context, const char* rpc,
                                  const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                                  ThreadPool* pool, Work<Request, Response> work,
                                  Route<Request> route = nullptr);
  // The caller of an admitted call that receives records, and the call's place.
  struct RecordsCaller {
    StreamCaller caller;
    Admission::Call place;
  };

  // Authenticates and admits a call that receives records. Returns nullopt if it is refused;
  // `refused` then finishes it.
  template <typename Reactor>
  std::optional<RecordsCaller> AdmitRecords(const Context& context, const char* rpc,
                                            Reactor* refused);
  ReceiverContext MakeReceiverContext() const;
  // Returns the caller's identity and counts failures. Errors: those of Authenticator::Check.
  absl::StatusOr<Identity> Authenticate(const grpc::ServerContextBase& context) const;
  // Returns the address of the caller, which is that of a proxy unless the proxy is trusted to pass
  // it on.
  std::string PeerOf(const grpc::ServerContextBase& context) const;
  // Returns what identifies the caller for the limits per caller: the owner or the name of its
  // token, or its address if there are no tokens.
  std::string KeyOf(const grpc::ServerContextBase& context, const Identity& caller) const;
  // Calls `answer`, which refuses an unauthenticated caller, after the delay of FailedTries.
  void Refuse(const grpc::ServerContextBase& context, std::function<void()> answer) const;
  // Admits a call by `enter` and counts a refusal because of a limit or a drain. Errors: the reason
  // why the ledger is not ready; those of `enter`.
  absl::StatusOr<Admission::Call> Admit(
      absl::FunctionRef<absl::StatusOr<Admission::Call>()> enter) const;
  // Parses the request of an admitted call, counts its unknown fields and checks its ids. Errors:
  // INVALID_ARGUMENT MALFORMED_MESSAGE or INVALID_REQUEST.
  template <typename Request>
  absl::Status Parse(const grpc::ByteBuffer& bytes, Request* request) const;

  absl::Status Start(const v1::StartSyncRequest& request, const Identity& caller,
                     v1::StartSyncResponse* response);
  absl::Status Complete(const v1::CompleteStreamRequest& request, const Identity& caller,
                        v1::CompleteStreamResponse* response);
  // Completions that move no rows do not queue behind merges and swaps.
  absl::StatusOr<ThreadPool*> ChooseCompletionPool(const v1::CompleteStreamRequest& request);
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

v1::Limits ToProto(const Limits& limits);

// Returns the value of a metadata entry of the call, or an empty string.
absl::string_view MetadataOf(const grpc::ServerContextBase& context, const char* key);

}  // namespace syncline::rpc
