// WatchSyncReactor: one WatchSync call. It writes the events that the reader of all watches sends.
//
// It has no thread: gRPC's threads and the reader's thread call it, and no function blocks. Owns
// itself until OnDone.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/rpc/admission.h"
#include "server/sync/watch_inbox.h"
#include "server/sync/watch_reader.h"

namespace syncline::rpc {

class WatchSyncReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                               public sync::WatchCall {
 public:
  // Opens the watch. `place` is released when the call is over. `reader` must outlive the call.
  static WatchSyncReactor* Start(grpc::CallbackServerContext* context, sync::WatchReader* reader,
                                 sync::WatchRequest request, Admission::Call place);

  void Send(std::vector<sync::EncodedEvent> events) override;
  void End(const absl::Status& status) override;
  void Abort() override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  WatchSyncReactor(grpc::CallbackServerContext* context, sync::WatchReader* reader,
                   Admission::Call place);

  // Writes the event at `next_`. Only for Send and OnWriteDone, while `writing_` is set.
  void WriteNext();

  grpc::CallbackServerContext* const context_;
  sync::WatchReader* const reader_;
  const int64_t id_;
  std::optional<Admission::Call> place_;
  std::shared_ptr<WatchSyncReactor> self_;  // reset by OnDone; the reader shares it

  // Of the latest Send. Used by the function that writes.
  std::vector<sync::EncodedEvent> events_;
  size_t next_ = 0;
  grpc::ByteBuffer bytes_;  // of the outstanding write

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;            // Finish was called or is about to be
  bool over_ ABSL_GUARDED_BY(mutex_) = false;                // OnDone was called
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);  // waits for the outstanding write
};

// A watch that is refused before it starts. Its creator calls Finish.
class RefusedWatch final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc
