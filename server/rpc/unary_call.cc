#include "server/rpc/unary_call.h"

#include <vector>

#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

// The caller's own timer may be ahead of ours by about the network's delay.
constexpr std::chrono::milliseconds kDeadlineTolerance(100);

}  // namespace

absl::Status GetCallEnd(std::chrono::system_clock::time_point deadline) {
  const bool late = std::chrono::system_clock::now() > deadline - kDeadlineTolerance;
  return late ? sync::CallDeadlinePassed() : sync::CallerGone();
}

void RunningCalls::Interrupt(const absl::Status& status) {
  std::vector<std::shared_ptr<Interruption>> interruptions;
  {
    MutexLock lock(&mutex_);
    interruptions.assign(interruptions_.begin(), interruptions_.end());
  }
  for (const auto& interruption : interruptions) interruption->Interrupt(status);
}

UnaryCall::UnaryCall(const grpc::CallbackServerContext& context, RunningCalls* running)
    : running_(running), deadline_(context.deadline()) {
  MutexLock lock(&running_->mutex_);
  running_->interruptions_.insert(interruption_);
}

UnaryCall::~UnaryCall() {
  MutexLock lock(&running_->mutex_);
  running_->interruptions_.erase(interruption_);
}

void UnaryCall::OnCancel() { interruption_->Interrupt(GetCallEnd(deadline_)); }

}  // namespace syncline::rpc
