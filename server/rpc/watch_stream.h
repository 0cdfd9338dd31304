// WatchStream: one WatchSync call, with a thread of its own that sends the sync's events.
//
// A thread, because reading events waits for the database and for a caller that reads slowly. What
// comes before the thread, refusals included, runs on gRPC's threads and never waits. Owns itself
// until OnDone.
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

// What watches work with; all outlive them.
struct WatchStreamContext {
  sync::SyncRegistry* registry = nullptr;
  const Admission* admission = nullptr;
};

class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // Begins to send. `place` is given back when the call is over. A call for which the system has no
  // thread is ended with RESOURCE_EXHAUSTED TOO_MANY_STREAMS.
  static WatchStream* Start(const WatchStreamContext& context, Identity caller,
                            v1::WatchSyncRequest request, Admission::Call place);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  // Never runs on the call's own thread, for which it waits.
  void OnDone() override { delete this; }

 private:
  WatchStream(const WatchStreamContext& context, Identity caller, v1::WatchSyncRequest request,
              Admission::Call place);

  // The body of the thread.
  void Run();
  // Sends events until the sync has ended. Errors: CANCELLED when the caller is gone; UNAVAILABLE
  // DRAINING; those of the registry.
  absl::Status Send();
  // Waits until `event` is on its way; false when the caller is gone.
  bool Write(const v1::WatchSyncResponse& event);
  bool cancelled() const;

  const WatchStreamContext context_;
  const Identity caller_;
  const v1::WatchSyncRequest request_;
  const Admission::Call place_;
  grpc::ByteBuffer event_;  // of the outstanding write

  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool written_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Thread> thread_;  // last: joined before the rest goes
};

// A watch that is refused before it begins: whoever makes it finishes it.
class RefusedWatch final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc
