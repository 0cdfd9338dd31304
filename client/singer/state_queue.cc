#include "client/singer/state_queue.h"

#include <algorithm>
#include <limits>

namespace syncline::client {

void StateQueue::Add(absl::string_view state, int64_t checkpoint) {
  MutexLock lock(&mutex_);
  // They would be released together, and only the newer one would be emitted.
  const bool replaces = !pending_.empty() && (hold_ || pending_.back().checkpoint == checkpoint);
  if (replaces) pending_.pop_back();
  pending_.push_back({std::string(state), checkpoint});
  if (!hold_) EmitLocked();
}

void StateQueue::Committed(int64_t checkpoint) {
  MutexLock lock(&mutex_);
  committed_ = std::max(committed_, checkpoint);
  if (!hold_) EmitLocked();
}

void StateQueue::CommitAll() {
  MutexLock lock(&mutex_);
  committed_ = std::numeric_limits<int64_t>::max();
  EmitLocked();
}

int64_t StateQueue::pending() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(pending_.size());
}

void StateQueue::EmitLocked() {
  std::string newest;
  bool any = false;
  while (!pending_.empty() && pending_.front().checkpoint <= committed_) {
    newest = std::move(pending_.front().state);
    pending_.pop_front();
    any = true;
  }
  if (any) emit_(newest);
}

}  // namespace syncline::client
