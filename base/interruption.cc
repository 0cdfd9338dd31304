#include "base/interruption.h"

#include <utility>

#include "absl/time/clock.h"
#include "base/monotonic_time.h"

namespace syncline {
namespace {

std::shared_ptr<Interruption>& CurrentSlot() {
  thread_local std::shared_ptr<Interruption> current;
  return current;
}

}  // namespace

void Interruption::Interrupt(const absl::Status& status) {
  std::map<int64_t, std::function<void()>> callbacks;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return;
    status_ = status;
    running_ = true;
    callbacks.swap(callbacks_);
  }
  changed_.NotifyAll();
  for (const auto& [id, run] : callbacks) run();
  {
    MutexLock lock(&mutex_);
    running_ = false;
  }
  changed_.NotifyAll();
}

absl::Status Interruption::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

int64_t Interruption::Add(std::function<void()> run) {
  {
    MutexLock lock(&mutex_);
    if (status_.ok()) {
      callbacks_.emplace(next_id_, std::move(run));
      return next_id_++;
    }
  }
  run();
  return 0;
}

void Interruption::Remove(int64_t id) {
  MutexLock lock(&mutex_);
  if (callbacks_.erase(id) > 0) return;
  while (running_) changed_.Wait(&mutex_);
}

Interruption::Scope::Scope(std::shared_ptr<Interruption> interruption)
    : previous_(std::exchange(CurrentSlot(), std::move(interruption))) {}

Interruption::Scope::~Scope() { CurrentSlot() = std::move(previous_); }

Interruption::Callback::Callback(std::shared_ptr<Interruption> interruption,
                                 std::function<void()> run)
    : interruption_(std::move(interruption)) {
  if (interruption_ != nullptr) id_ = interruption_->Add(std::move(run));
}

Interruption::Callback::~Callback() {
  if (id_ != 0) interruption_->Remove(id_);
}

std::shared_ptr<Interruption> Interruption::Current() { return CurrentSlot(); }

absl::Status Interruption::Check() {
  const std::shared_ptr<Interruption>& current = CurrentSlot();
  return current == nullptr ? absl::OkStatus() : current->status();
}

bool Interruption::Sleep(absl::Duration pause) {
  const std::shared_ptr<Interruption> current = Current();
  if (current == nullptr) {
    absl::SleepFor(pause);
    return true;
  }
  const absl::Duration until = MonotonicNow() + pause;
  MutexLock lock(&current->mutex_);
  while (current->status_.ok()) {
    const absl::Duration left = until - MonotonicNow();
    if (left <= absl::ZeroDuration()) return true;
    current->changed_.WaitFor(&current->mutex_, left);
  }
  return false;
}

}  // namespace syncline
