// WatchSyncReactor: one WatchSync call, with its own thread that sends the sync's events.
//
// It needs a thread because reading events waits for the database, and sending them waits for a
// slow caller. Everything before the thread starts, refusals included, runs on gRPC's threads and
// never waits. Owns itself until OnDone.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "server/model/access_token.h"
#include "server/rpc/admission.h"
#include "server/sync/sync_registry.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Dependencies shared by all watches. Every pointer must outlive them.
struct WatchSyncContext {
  sync::SyncRegistry* registry = nullptr;
  const Admission* admission = nullptr;
};

class WatchSyncReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // Starts sending. `place` is released when the call is over. If the system provides no thread,
  // the call ends with RESOURCE_EXHAUSTED TOO_MANY_STREAMS.
  static WatchSyncReactor* Start(const WatchSyncContext& context, Identity caller,
                                 v1::WatchSyncRequest request, Admission::Call place);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  // Never runs on the call's own thread, which the destructor joins.
  void OnDone() override { delete this; }

 private:
  WatchSyncReactor(const WatchSyncContext& context, Identity caller, v1::WatchSyncRequest request,
                   Admission::Call place);

  // Main function of the thread.
  void Run();
  // Sends events until the sync has ended. Errors: CANCELLED if the caller has gone; UNAVAILABLE
  // DRAINING; those of the registry.
  absl::Status Send();
  // Sends `event` and waits until gRPC has taken it. Returns false if the caller has gone.
  bool Write(const v1::WatchSyncResponse& event);
  bool cancelled() const;

  const WatchSyncContext context_;
  const Identity caller_;
  const v1::WatchSyncRequest request_;
  const Admission::Call place_;
  grpc::ByteBuffer event_;  // bytes of the outstanding write

  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool written_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Thread> thread_;  // last: joined before the other members are destroyed
};

// A watch that is refused before it starts. Its creator calls Finish.
class RefusedWatch final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc
