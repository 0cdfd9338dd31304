#include "client/airbyte/state_tracker.h"

#include <algorithm>
#include <utility>

namespace syncline::client {

StateTracker::StateTracker(int lanes, Emit emit)
    : emit_(std::move(emit)), lanes_(static_cast<size_t>(lanes)) {}

void StateTracker::Add(std::string line, int lane, std::vector<Requirement> requirements) {
  {
    MutexLock lock(&mutex_);
    pending_.push_back({std::move(line), lane, std::move(requirements)});
    Collect();
  }
  EmitReady();
}

void StateTracker::CheckpointCommitted(int lane, int64_t checkpoint) {
  {
    MutexLock lock(&mutex_);
    Lane& known = lanes_[static_cast<size_t>(lane)];
    known.checkpoint = std::max(known.checkpoint, checkpoint);
    Collect();
  }
  EmitReady();
}

void StateTracker::Drained(int lane, int64_t offset) {
  {
    MutexLock lock(&mutex_);
    Lane& known = lanes_[static_cast<size_t>(lane)];
    known.offset = std::max(known.offset, offset);
    Collect();
  }
  EmitReady();
}

int64_t StateTracker::pending() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(pending_.size());
}

bool StateTracker::IsMet(const Pending& state) const {
  for (const Requirement& requirement : state.requirements) {
    const Lane& lane = lanes_[static_cast<size_t>(requirement.lane)];
    if (lane.checkpoint < requirement.checkpoint && lane.offset < requirement.offset) return false;
  }
  return true;
}

// Moves what may come out to ready_. A state that must wait holds back the later ones of its lanes.
void StateTracker::Collect() {
  std::vector<bool> held(lanes_.size(), false);
  bool any_held = false;
  bool all_held = false;
  std::deque<Pending> kept;
  for (Pending& state : pending_) {
    const bool waits = all_held ||
                       (state.lane < 0 ? any_held : held[static_cast<size_t>(state.lane)]) ||
                       !IsMet(state);
    if (!waits) {
      ready_.push_back(std::move(state.line));
      continue;
    }
    any_held = true;
    if (state.lane < 0) {
      all_held = true;
    } else {
      held[static_cast<size_t>(state.lane)] = true;
    }
    kept.push_back(std::move(state));
  }
  pending_ = std::move(kept);
}

void StateTracker::EmitReady() {
  mutex_.Lock();
  if (emitting_) {  // that thread will see ours as well
    mutex_.Unlock();
    return;
  }
  emitting_ = true;
  while (!ready_.empty()) {
    const std::string line = std::move(ready_.front());
    ready_.pop_front();
    mutex_.Unlock();
    emit_(line);
    mutex_.Lock();
  }
  emitting_ = false;
  mutex_.Unlock();
}

}  // namespace syncline::client
