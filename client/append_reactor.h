// AppendReactor: the gRPC side of an AppendCall.
//
// gRPC calls the On… functions on its threads. Must outlive the RPC: the destructor of AppendCall
// waits for OnDone.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "client/append_call.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::client {

class AppendReactor final
    : public grpc::ClientBidiReactor<v1::AppendRecordsRequest, v1::AppendRecordsResponse> {
 public:
  explicit AppendReactor(AppendCall::OnAnswer on_answer) : on_answer_(std::move(on_answer)) {}

  // To be prepared before Start.
  grpc::ClientContext* context() { return &context_; }
  void Start(v1::SyncService::Stub* stub);

  // Those of AppendCall.
  bool Write(std::shared_ptr<const v1::AppendRecordsRequest> request);
  absl::StatusOr<v1::AppendRecordsResponse> Finish();
  // Cancels the call unless it has ended, and waits for its end.
  void Stop();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  // Lets the call end: nothing more is written.
  void StopWriting();
  void WaitUntilDone();
  void WaitUntilWritten() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::ClientContext context_;
  const AppendCall::OnAnswer on_answer_;
  v1::AppendRecordsResponse answer_;                         // of the outstanding read
  std::shared_ptr<const v1::AppendRecordsRequest> request_;  // of the outstanding write
  bool may_write_ = false;                                   // OnDone waits for StopWriting

  Mutex mutex_;
  CondVar changed_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the server has ended the call, or it was lost
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  v1::AppendRecordsResponse last_answer_ ABSL_GUARDED_BY(mutex_);
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::client
