#include "server/rpc/open_calls.h"

#include <utility>

namespace syncline::rpc {

void OpenCalls::Add(const std::shared_ptr<OpenCall>& call) {
  MutexLock lock(&mutex_);
  calls_[call.get()] = call;
}

void OpenCalls::Remove(const OpenCall* call) {
  MutexLock lock(&mutex_);
  calls_.erase(call);
}

void OpenCalls::Tick(absl::Time now) {
  for (const auto& call : Calls()) call->EndIfSilent(now);
}

void OpenCalls::EndUnclaimed() {
  for (const auto& call : Calls()) call->EndIfUnclaimed();
}

std::vector<std::shared_ptr<OpenCall>> OpenCalls::Calls() const {
  std::vector<std::shared_ptr<OpenCall>> calls;
  MutexLock lock(&mutex_);
  calls.reserve(calls_.size());
  for (const auto& [key, call] : calls_) {
    if (std::shared_ptr<OpenCall> held = call.lock(); held != nullptr) {
      calls.push_back(std::move(held));
    }
  }
  return calls;
}

}  // namespace syncline::rpc
