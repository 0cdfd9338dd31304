// UnaryCall: the reactor of one unary call. It interrupts the call's work when the caller is gone
// or its deadline has passed, or when the server has to stop.
//
// gRPC deletes it after the response, or after the call was cancelled and Finish was called.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/interruption.h"
#include "base/mutex.h"

namespace syncline::rpc {

// The reason why a call with this deadline is over although it was not answered: DEADLINE_EXCEEDED
// CALL_DEADLINE, or CANCELLED CALLER_GONE if the deadline is not near.
absl::Status GetCallEnd(std::chrono::system_clock::time_point deadline);

// The unary calls that are open. Thread-safe.
class RunningCalls {
 public:
  // Interrupts the work of all calls with `status`. Does not wait for it.
  void Interrupt(const absl::Status& status);

 private:
  friend class UnaryCall;
  Mutex mutex_;
  std::set<std::shared_ptr<Interruption>> interruptions_ ABSL_GUARDED_BY(mutex_);
};

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // `running` must outlive the call.
  UnaryCall(const grpc::CallbackServerContext& context, RunningCalls* running);
  ~UnaryCall() override;

  // The interruption of the call's work: CANCELLED CALLER_GONE, DEADLINE_EXCEEDED CALL_DEADLINE, or
  // the status of RunningCalls::Interrupt.
  const std::shared_ptr<Interruption>& interruption() const { return interruption_; }

 private:
  // gRPC calls it as well when the deadline passes, also if the caller cannot be reached.
  void OnCancel() override;
  void OnDone() override { delete this; }

  RunningCalls* const running_;
  const std::chrono::system_clock::time_point deadline_;
  const std::shared_ptr<Interruption> interruption_ = std::make_shared<Interruption>();
};

}  // namespace syncline::rpc
